/** Every way in which a tool call can fail, as clients see it. */
export const TOOL_ERROR_CODES = [
  'confirmation_required', // the person has to agree first
  'declined', // the person said no
  'invalid_argument', // the call itself is wrong; another call may be right
  'needs_reauth', // Google no longer accepts this account's grant
  'not_offered', // the operator or the person does not let this tool be used here
  'not_found', // no such message, thread, label, attachment or draft
  'outcome_unknown', // something may or may not have been sent or made
  'quota_exceeded', // Google's daily limit; a retry within minutes is useless
  'rate_limited', // too fast; a retry after a pause works
  'recipient_not_allowed', // the operator does not allow this recipient
  'scope_insufficient', // the grant does not allow this
  'too_large', // over a limit of Gmail or of this server
  'upstream_unavailable' // Google did not answer as it should
] as const
export type ToolErrorCode = (typeof TOOL_ERROR_CODES)[number]
