import * as z from 'zod'
import type { Message } from '../gmail/mailbox.ts'
import { addressEntries, headerValues, readEnvelope } from '../gmail/read-message.ts'
import { int } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { READS } from '../tool-kit/schemas.ts'
import { ellipsis } from '../tool-kit/truncate.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'

/** Each look at a message costs 20 units of quota; with the lists all of it stays under 500. */
const MAX_LOOKS = 22
const PAGE = 500
const PAGES = 2
/** What Gmail itself has sorted out as no person's mail. */
const NO_PERSONS =
  '-in:drafts -in:spam -in:trash -in:chats -category:promotions -category:social -category:updates -category:forums'

const Waiting = z.object({
  threadId: z.string(),
  messageId: z.string().describe('The last message'),
  who: theirs(z.array(z.string()), 'Who waits, or who is waited for'),
  subject: theirs(z.string()),
  snippet: theirs(z.string()),
  since: z.string().optional().describe('ISO 8601, UTC'),
  days: z.number().describe('Whole days since then')
})
type Waiting = z.input<typeof Waiting>

export const findUnanswered = defineTool({
  name: 'find_unanswered',
  title: 'Find what waits for an answer',
  description:
    'Finds conversations in which somebody waits for an answer of the account, or the account for one of somebody; the longest wait first. Newsletters, automatic mail, drafts and notes to oneself are left out. Cheaper than a search with reading.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    days: int(1, 90).default(14).describe('How far to look back'),
    query: z
      .string()
      .max(1000)
      .default('')
      .describe('Gmail search that narrows it, such as a label'),
    side: z
      .enum(['both', 'me', 'them'])
      .default('both')
      .describe('me: who waits for the account; them: for whom it waits')
  }),
  output: z.object({
    waitForMe: z.array(Waiting),
    iWaitFor: z.array(Waiting),
    conversations: z.number().describe('Looked through'),
    leftOut: z.object({
      automatic: z.number().describe('Newsletters, automatic mail, notes to oneself'),
      notLookedAt: z.number().describe('Too many to look at: narrow days or query')
    })
  }),
  async run({ days, query, side }, call) {
    const narrowed = query.trim() === '' ? '' : ` (${query.trim()})`
    const words = `newer_than:${days}d ${NO_PERSONS}${narrowed}`
    const [all, sent] = await Promise.all([listed(words, call), listed(`in:sent ${words}`, call)])
    const own = new Set(sent.map(({ id }) => id))
    const last = [...lastOfEach(all)]
    const mine = side === 'them' ? [] : last.filter(({ id }) => !own.has(id))
    const theirsTurn = side === 'me' ? [] : last.filter(({ id }) => own.has(id))
    // A side with little to look at leaves its share to the other.
    const half = Math.ceil(MAX_LOOKS / 2)
    const forMe = Math.min(mine.length, Math.max(half, MAX_LOOKS - theirsTurn.length))
    const forThem = Math.min(theirsTurn.length, MAX_LOOKS - forMe)
    const [waitForMe, iWaitFor] = await Promise.all([
      lookAt(mine.slice(0, forMe), 'from', call),
      lookAt(theirsTurn.slice(0, forThem), 'to', call)
    ])
    const looked = forMe + forThem
    const structured = {
      waitForMe,
      iWaitFor,
      conversations: last.length,
      leftOut: {
        automatic: looked - waitForMe.length - iWaitFor.length,
        notLookedAt: mine.length + theirsTurn.length - looked
      }
    }
    return { structured, text: asText(structured, call.context.nonce()) }
  }
})

interface Listed {
  readonly id: string
  readonly threadId: string
}

/** Gmail lists messages with the newest first. */
async function listed(q: string, { context, signal }: ToolCall): Promise<Listed[]> {
  const found: Listed[] = []
  let pageToken: string | undefined
  for (let pages = 0; pages < PAGES; pages += 1) {
    const page = await context.mailbox.call(
      'messages.list',
      { q, maxResults: PAGE, ...(pageToken && { pageToken }) },
      signal
    )
    for (const { id, threadId } of page.messages ?? [])
      if (id && threadId) found.push({ id, threadId })
    pageToken = page.nextPageToken ?? undefined
    if (pageToken === undefined) break
  }
  return found
}

/** The newest message of each conversation. */
function lastOfEach(messages: readonly Listed[]): Iterable<Listed> {
  const last = new Map<string, Listed>()
  for (const message of messages)
    if (!last.has(message.threadId)) last.set(message.threadId, message)
  return last.values()
}

async function lookAt(
  messages: readonly Listed[],
  field: 'from' | 'to',
  call: ToolCall
): Promise<Waiting[]> {
  const { mailbox, clock } = call.context
  const read = await Promise.all(
    messages.map(({ id }) => mailbox.call('messages.get', { id, format: 'full' }, call.signal))
  )
  return read
    .flatMap((message) => waiting(message, field, mailbox.address, clock.now()) ?? [])
    .toSorted((one, other) => other.days - one.days)
}

/** Undefined for what no person waits over. */
function waiting(
  message: Message,
  field: 'from' | 'to',
  own: string,
  now: number
): Waiting | undefined {
  const { id, threadId, from, to, cc, subject, snippet, date } = readEnvelope(message)
  const others = addressEntries(message, field).some(
    ({ mailbox }) => mailbox && mailbox.address.toLowerCase() !== own.toLowerCase()
  )
  if (!others || isAutomatic(message)) return undefined
  const who = field === 'from' ? [from] : [...to, ...cc]
  const since = date === undefined ? undefined : Date.parse(date)
  return {
    threadId,
    messageId: id,
    who: who.slice(0, 5).map((each) => ellipsis(each, 80)),
    subject: ellipsis(subject, 150),
    snippet: ellipsis(snippet, 150),
    ...(date && { since: date }),
    days: since === undefined ? 0 : Math.max(0, Math.floor((now - since) / 86_400_000))
  }
}

/** RFC 2919 and 2369 mark lists; `Precedence: bulk` is older; the name says it where no header does. */
function isAutomatic(message: Message): boolean {
  const has = (name: string): boolean => headerValues(message, name).length > 0
  const precedence = headerValues(message, 'precedence').join()
  const sender = addressEntries(message, 'from').map(({ mailbox }) => mailbox?.address ?? '')
  return (
    has('list-id') ||
    has('list-unsubscribe') ||
    /bulk|list|junk/i.test(precedence) ||
    sender.some((each) => /^(no-?reply|do-?not-?reply|mailer-daemon|postmaster)\b/i.test(each))
  )
}

function asText(
  found: {
    waitForMe: readonly Waiting[]
    iWaitFor: readonly Waiting[]
    leftOut: { automatic: number; notLookedAt: number }
  },
  nonce: string
): string {
  const { waitForMe, iWaitFor, leftOut } = found
  const part = (title: string, list: readonly Waiting[]): string =>
    [`${title} ${list.length}`, ...list.map(line)].join('\n')
  const shown = [
    part('Waiting for an answer of the account:', waitForMe),
    part('The account waits for an answer of:', iWaitFor)
  ].join('\n')
  const looked =
    leftOut.notLookedAt > 0
      ? ` ${leftOut.notLookedAt} conversations were not looked at; narrow days or query.`
      : ''
  return `${fence(nonce, shown)}\nLeft out: ${leftOut.automatic} that are automatic or notes to oneself.${looked}`
}

const line = ({ threadId, who, subject, snippet, days }: Waiting): string =>
  `- thread ${threadId} | ${days} days | ${who.join('; ')} | ${subject || '(no subject)'} | ${snippet}`
