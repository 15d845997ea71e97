/** The names of all tools, in the order in which they are listed. */
export const TOOL_NAMES = [
  'search_emails',
  'read_email',
  'get_thread',
  'download_attachment',
  'send_email',
  'draft_email',
  'reply_to_email',
  'modify_email',
  'batch_modify_emails',
  'delete_email',
  'batch_delete_emails',
  'list_email_labels',
  'create_label',
  'get_or_create_label',
  'update_label',
  'delete_label',
  'get_profile'
] as const

export type ToolName = (typeof TOOL_NAMES)[number]
