/** Mail as resources, for clients in which a person picks what their model is to read. */
import {
  type CallToolResult,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  type Resource,
  ResourceNotFoundError,
  type ResourceTemplateType
} from '@modelcontextprotocol/server'
import type { ToolCall, WorkerContext } from '../tool-kit/context.ts'
import type { Tool } from '../tool-kit/define-tool.ts'
import { downloadAttachment } from '../tools/download-attachment.ts'
import { getThread } from '../tools/get-thread.ts'
import { listEmailLabels } from '../tools/labels.ts'
import { readEmail } from '../tools/read-email.ts'
import { getSearchHelp } from '../tools/search-help.ts'

const TEXT = 'text/plain'

export const RESOURCES: readonly Resource[] = [
  {
    uri: 'gmail://labels',
    name: 'labels',
    title: 'Labels',
    description: 'The labels of the account, with their ids',
    mimeType: TEXT
  },
  {
    uri: 'gmail://help/search',
    name: 'search-help',
    title: 'Search help',
    description: 'The operators of Gmail search, with examples',
    mimeType: TEXT
  }
]

export const RESOURCE_TEMPLATES: readonly ResourceTemplateType[] = [
  {
    uriTemplate: 'gmail://message/{id}',
    name: 'message',
    title: 'Message',
    description: 'One message as text',
    mimeType: TEXT
  },
  {
    uriTemplate: 'gmail://thread/{id}',
    name: 'thread',
    title: 'Conversation',
    description: 'The messages of a conversation as text, newest last',
    mimeType: TEXT
  },
  {
    uriTemplate: 'gmail://attachment/{messageId}/{partId}',
    name: 'attachment',
    title: 'Attachment',
    description: 'The content of an attachment; partId as read_email lists it'
  }
]

interface Source {
  readonly tool: Tool
  readonly args: Readonly<Record<string, unknown>>
}

/**
 * Reads a resource by the tool that shows the same, so that limits and marks are the same. Throws -32602 with the URI
 * for one that does not exist (MCP 2026-07-28, Resources, "Error Handling"), -32603 with the tool's sentence otherwise.
 */
export async function readResource(uri: string, call: ToolCall): Promise<ReadResourceResult> {
  const source = sourceOf(uri)
  if (!source || isDisabled(source.tool, call.context)) throw new ResourceNotFoundError(uri)
  const result = await source.tool.invoke(source.args, call)
  if (result.isError) throw failureOf(uri, result)
  return { contents: contentsOf(uri, result) }
}

/** What is not to be had by a tool is not to be had as a resource. */
const isDisabled = (
  { name }: Pick<Tool, 'name'>,
  { policy }: Pick<WorkerContext, 'policy'>
): boolean => policy().operator.disabled.includes(name)

/** The tool that each resource is read by, by the resource's name. */
const TOOL_OF: Readonly<Record<string, Tool>> = {
  labels: listEmailLabels,
  'search-help': getSearchHelp,
  message: readEmail,
  thread: getThread,
  attachment: downloadAttachment
}

/** Those that are offered here. */
export const offeredResources = <R extends { readonly name: string }>(
  all: readonly R[],
  context: Pick<WorkerContext, 'policy'>
): R[] =>
  all.filter(({ name }) => {
    const tool = TOOL_OF[name]
    return tool !== undefined && !isDisabled(tool, context)
  })

function sourceOf(uri: string): Source | undefined {
  const [, place = '', path = ''] = /^gmail:\/\/([a-z]+)(?:\/(.*))?$/.exec(uri) ?? []
  const [first = '', second = '', ...more] = path.split('/').map(decoded)
  const hasOne = first !== '' && !path.includes('/')
  switch (place) {
    case 'labels':
      return path === '' ? { tool: listEmailLabels, args: {} } : undefined
    case 'help':
      return path === 'search' ? { tool: getSearchHelp, args: {} } : undefined
    case 'message':
      return hasOne ? { tool: readEmail, args: { messageId: first } } : undefined
    case 'thread':
      return hasOne ? { tool: getThread, args: { threadId: first } } : undefined
    case 'attachment':
      return first !== '' && second !== '' && more.length === 0
        ? {
            tool: downloadAttachment,
            args: { messageId: first, partId: second, delivery: 'inline' }
          }
        : undefined
    default:
      return undefined
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

function contentsOf(uri: string, { content }: CallToolResult): ReadResourceResult['contents'] {
  for (const item of content) {
    if (item.type === 'resource' && 'blob' in item.resource)
      return [{ ...item.resource, uri, blob: String(item.resource.blob) }]
    if (item.type === 'image') return [{ uri, mimeType: item.mimeType, blob: item.data }]
  }
  const text = content.flatMap((item) => (item.type === 'text' ? [item.text] : [])).join('\n')
  return [{ uri, mimeType: TEXT, text }]
}

function failureOf(uri: string, { structuredContent, content }: CallToolResult): ProtocolError {
  const { code, message } = Object(structuredContent)
  if (code === 'not_found' || code === 'invalid_argument') return new ResourceNotFoundError(uri)
  const [said] = content
  const text = String(
    message ?? (said?.type === 'text' ? said.text : 'The resource cannot be read.')
  )
  return new ProtocolError(ProtocolErrorCode.InternalError, text, { code })
}
