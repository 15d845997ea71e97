import { ToolError } from '#shared/tool-error.ts'
import type { ToolCall } from '../tool-kit/context.ts'

interface Words {
  readonly body?: string | undefined
  readonly htmlBody?: string | undefined
  readonly mimeType?: string | undefined
  readonly bodyFormat?: 'text' | 'markdown' | undefined
}

/**
 * The same arguments, with an HTML form of a body in Markdown; its plain form is the Markdown itself, which reads well. Throws
 * `invalid_argument` when another HTML form is given as well.
 */
export async function withMarkdown<A extends Words>(args: A, call: ToolCall): Promise<A> {
  const { body, htmlBody, mimeType, bodyFormat } = args
  if (bodyFormat !== 'markdown' || !body) return args
  if (htmlBody !== undefined || mimeType === 'text/html')
    throw new ToolError(
      'invalid_argument',
      'A body in Markdown has its HTML made of it: leave htmlBody and mimeType out.'
    )
  return { ...args, htmlBody: await call.context.mime.markdownHtml(body, call.signal) }
}
