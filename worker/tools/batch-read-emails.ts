import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import { messageLocation } from '../messages/message-location.ts'
import { leftOutText, readBody } from '../messages/read-body.ts'
import { int, stringList } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { EnvelopeOut, envelopeOut, envelopeText, LeftOutOut, READS } from '../tool-kit/schemas.ts'
import { RESULT_CHARS, truncate } from '../tool-kit/truncate.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'

const MAX_MESSAGES = 25
/** Characters that a message needs besides its body. */
const ENVELOPE_CHARS = 400

const Email = EnvelopeOut.extend({
  snippet: theirs(z.string()).optional(),
  body: theirs(z.string()).optional(),
  leftOut: LeftOutOut.optional(),
  truncated: z.boolean().describe('Something was cut: see read_email'),
  totalChars: z.number()
})
type Email = z.input<typeof Email>
const Failed = z.object({ id: z.string(), code: z.string() })
type Failed = z.input<typeof Failed>

export const batchReadEmails = defineTool({
  name: 'batch_read_emails',
  title: 'Read several messages',
  description:
    'Reads up to 25 messages at once. A message that cannot be read is reported and does not spoil the others.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    messageIds: stringList(1, MAX_MESSAGES).describe('Gmail ids or Message-IDs'),
    format: z.enum(['summary', 'full', 'headers_only']).default('summary'),
    maxBodyLength: int(100, 20_000).default(3000).describe('Characters of each body')
  }),
  output: z.object({ emails: z.array(Email), failed: z.array(Failed) }),
  async run({ messageIds, format, maxBodyLength }, call) {
    const share = Math.floor(RESULT_CHARS / messageIds.length) - ENVELOPE_CHARS
    const length = Math.max(100, Math.min(maxBodyLength, share))
    const read = await Promise.all(messageIds.map((id) => readOne(id, format, length, call)))
    const emails = read.flatMap((each) => ('email' in each ? [each.email] : []))
    const failed = read.flatMap((each) => ('failed' in each ? [each.failed] : []))
    return { structured: { emails, failed }, text: asText(emails, failed, call) }
  }
})

async function readOne(
  given: string,
  format: 'summary' | 'full' | 'headers_only',
  length: number,
  call: ToolCall
): Promise<{ email: Email } | { failed: Failed }> {
  const { context, signal } = call
  try {
    const id = await resolveMessageId(context.mailbox, given, signal)
    const message = await context.mailbox.call(
      'messages.get',
      { id, format: format === 'full' ? 'full' : 'metadata' },
      signal
    )
    const envelope = readEnvelope(message)
    const base = envelopeOut(envelope, await context.labels.names(envelope.labelIds, signal))
    if (format !== 'full') {
      const snippet = format === 'summary' ? { snippet: envelope.snippet } : {}
      return { email: { ...base, ...snippet, truncated: false, totalChars: 0 } }
    }
    const body = await readBody(message, { html: false }, call)
    const { text, truncated, totalChars } = truncate(body.text, 0, length)
    const isCut = truncated || body.leftOut.isUnread === true || base.recipientCount !== undefined
    const leftOut = Object.keys(body.leftOut).length > 0 && { leftOut: body.leftOut }
    return { email: { ...base, body: text, ...leftOut, truncated: isCut, totalChars } }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ToolError && SINGLE_FAILURES.has(error.code))
      return { failed: { id: given, code: error.code } }
    throw error
  }
}

/** Failures of one message; any other one would meet all of them. */
const SINGLE_FAILURES: ReadonlySet<string> = new Set(['not_found', 'invalid_argument', 'too_large'])

function asText(
  emails: readonly Email[],
  failed: readonly Failed[],
  { context }: ToolCall
): string {
  const shown = emails.map((email, index) =>
    [
      `--- ${index + 1}. message ${email.id}, thread ${email.threadId}${messageLocation(email.labels) && ` (${messageLocation(email.labels)})`}`,
      envelopeText(email),
      email.body ?? email.snippet ?? '',
      ...leftOutText(email.leftOut ?? {}).map((line) => `[${line}]`),
      email.totalChars > (email.body?.length ?? email.totalChars)
        ? `[cut: ${email.totalChars} characters in all, see read_email]`
        : ''
    ]
      .filter((line) => line !== '')
      .join('\n')
  )
  const missed = failed.map(({ id, code }) => `${id} (${code})`).join(', ')
  return [
    `${emails.length} messages read.`,
    emails.length > 0 ? fence(context.nonce(), shown.join('\n\n')) : '',
    missed ? `Not read: ${missed}.` : ''
  ]
    .filter((line) => line !== '')
    .join('\n')
}
