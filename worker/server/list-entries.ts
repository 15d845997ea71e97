/** The entries of `tools/list` as a model pays for them: said once, and in the core set without what is rarely wanted. */
import type { Tool } from '@modelcontextprotocol/server'
import type { ToolSet } from '#shared/tool-policy.ts'

/** Tools that write a message take mostly the same arguments. The first of them that is listed explains them. */
const COMPOSING: ReadonlySet<string> = new Set([
  'send_email',
  'draft_email',
  'reply_to_email',
  'reply_all',
  'forward_email',
  'update_draft'
])

/** Arguments that the core set does not list. A call that gives them is understood as always. */
const RARE: ReadonlySet<string> = new Set([
  'attachmentId',
  'batchSize',
  'bodyFormat',
  'bodyOffset',
  'delivery',
  'detail',
  'from',
  'headers',
  'idempotencyKey',
  'includeAttachments',
  'includeHtml',
  'includeSignature',
  'includeSpamTrash',
  'inlineImages',
  'inReplyTo',
  'labelIds',
  'loginHint',
  'mimeType',
  'order',
  'quoteOriginal',
  'replyTo',
  'removeRecipients',
  'asAttachment',
  'threadId',
  'timeZone',
  'verify'
])

/** Of several ways to attach a file, the core set lists the one that takes no bytes from the model. */
const RARE_OF_FILES: ReadonlySet<string> = new Set(['mimeType', 'contentBase64', 'uploadId'])

type Properties = NonNullable<Tool['inputSchema']['properties']>
type Json = Properties[string]

/** Entries as they are shown for a set of tools: the same tools in the same order. */
export function shownEntries(entries: readonly Tool[], set: ToolSet): Tool[] {
  const shown = set === 'core' ? entries.map(brief) : entries
  const explains = shown.find(({ name }) => COMPOSING.has(name))
  return shown.map((tool) =>
    explains && tool !== explains && COMPOSING.has(tool.name) ? likewise(tool, explains) : tool
  )
}

/** Without the output schema, which promises a second form of each answer: see `text-only-result.ts`. */
function brief({ outputSchema: _, ...tool }: Tool): Tool {
  const { properties = {}, required = [] } = tool.inputSchema
  const listed = Object.entries(properties)
    .filter(([name]) => !RARE.has(name) || required.includes(name))
    .map(([name, property]) => [name, name === 'attachments' ? withoutRare(property) : property])
  return { ...tool, inputSchema: { ...tool.inputSchema, properties: Object.fromEntries(listed) } }
}

/** The schema of files to attach, without the ways that are rarely wanted. */
function withoutRare(files: Json): Json {
  if (!isObject(files) || !isObject(files.items) || !isObject(files.items.properties)) return files
  const kept = Object.entries(files.items.properties).filter(([name]) => !RARE_OF_FILES.has(name))
  return { ...files, items: { ...files.items, properties: Object.fromEntries(kept) } }
}

/** Arguments that say the same as those of another tool say it by naming that tool. */
function likewise(tool: Tool, other: Tool): Tool {
  const { properties: known = {} } = other.inputSchema
  const properties = Object.entries(tool.inputSchema.properties ?? {}).map(([name, property]) => [
    name,
    JSON.stringify(known[name]) === JSON.stringify(property) ? bare(property) : property
  ])
  return {
    ...tool,
    description: `${tool.description} Arguments without a word: as in ${other.name}.`,
    inputSchema: { ...tool.inputSchema, properties: Object.fromEntries(properties) }
  }
}

/** A schema without its words. */
function bare(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(bare)
  if (!isObject(schema)) return schema
  const kept = Object.entries(schema).filter(
    ([key, value]) => key !== 'description' || typeof value !== 'string'
  )
  return Object.fromEntries(kept.map(([key, value]) => [key, bare(value)]))
}

const isObject = (json: Json | undefined): json is { [key: string]: Json } =>
  typeof json === 'object' && json !== null && !Array.isArray(json)
