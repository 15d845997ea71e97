import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { type LeavingMail, type WaysOut, waysOut } from '../gmail/list-unsubscribe.ts'
import type { Message } from '../gmail/mailbox.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import { addressEntries, header } from '../gmail/read-message.ts'
import { changeBatch } from '../messages/batch-modify.ts'
import { findMessages } from '../messages/find-messages.ts'
import { saveDraft } from '../messages/save-draft.ts'
import { flag, int } from '../tool-kit/coerce.ts'
import type { ToolCall, WorkerContext } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { DESTROYS, messageId } from '../tool-kit/schemas.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'

const METHODS = ['auto', 'oneClick', 'mailto', 'linkOnly'] as const
/** Each message costs 20 units of quota to look at. */
const MOST_LOOKED_AT = 100

const Left = z.object({
  messageId: z.string().describe('The latest one'),
  from: theirs(z.string()),
  list: theirs(z.string()).optional().describe('List-Id'),
  messages: z.number().describe('Of this list, among those looked at'),
  method: z.enum(['oneClick', 'mailto', 'link', 'none']),
  status: z
    .enum(['planned', 'unsubscribed', 'failed', 'drafted', 'openLink', 'impossible'])
    .describe('drafted: not sent yet; openLink: the user has to open url'),
  host: theirs(z.string()).optional(),
  httpStatus: z.number().optional(),
  draftId: z.string().optional(),
  url: theirs(z.string()).optional(),
  why: z.string().optional()
})
type Left = z.input<typeof Left>

/** What came together under one name of a list, or of a sender. */
interface List {
  readonly key: string
  readonly latest: Message
  readonly ids: string[]
}

interface Plan {
  readonly list: List
  readonly ways: WaysOut
  readonly method: Left['method']
  readonly why?: string | undefined
}

export const unsubscribeEmail = defineTool({
  name: 'unsubscribe_email',
  title: 'Leave mailing lists',
  description:
    'Leaves the mailing list of a message, or of all messages that a search finds: by one request to its server where the message is proved to be genuine (RFC 8058), else by a draft of a mail, else by a link for the user to open. dryRun shows what would be done. The user is asked first.',
  level: 'gmail.modify',
  annotations: { ...DESTROYS, idempotentHint: true },
  input: z.object({
    messageId: messageId.optional(),
    query: z.string().min(1).max(2000).optional().describe('Gmail search; instead of messageId'),
    maxMessages: int(1, MOST_LOOKED_AT).default(25).describe('Of the search'),
    method: z.enum(METHODS).default('auto'),
    alsoArchive: flag().default(false).describe('Archive what was found of lists that were left'),
    alsoTrash: flag().default(false),
    dryRun: flag().default(false),
    confirm: flag().default(false).describe('True when the user has agreed')
  }),
  output: z.object({
    lists: z.array(Left),
    lookedAt: z.number().describe('Messages'),
    moved: z.number().describe('Messages that were archived or put into the bin'),
    dryRun: z.boolean()
  }),
  async run(args, call) {
    const messages = await fetched(await targets(args, call), call)
    const plans = listsIn(messages).map((list) => planFor(list, args.method, call.context))
    const posts = plans.filter(({ method }) => method === 'oneClick')
    if (!args.dryRun && posts.length > 0)
      await call.confirm({
        tool: 'unsubscribe_email',
        what: posts.map(({ ways }) => ways.oneClick).toSorted(),
        words: [
          `Leave ${posts.length} mailing list${posts.length === 1 ? '' : 's'}, each by a request to its server:`,
          ...posts
            .slice(0, 15)
            .map(({ list, ways }) => `${nameOf(list)} (${hostOf(ways.oneClick)})`)
        ],
        agreed: args.confirm
      })
    const lists: Left[] = []
    const done: List[] = []
    for (const plan of plans) {
      const left = args.dryRun ? planned(plan) : await carryOut(plan, call)
      if (left.status === 'unsubscribed') done.push(plan.list)
      lists.push(left)
      await call.progress(lists.length, plans.length)
    }
    const moved = await move(
      done.flatMap(({ ids }) => ids),
      args,
      call
    )
    const structured = { lists, lookedAt: messages.length, moved, dryRun: args.dryRun }
    return { structured, text: asText(structured, call.context.nonce()) }
  }
})

async function targets(
  {
    messageId: given,
    query,
    maxMessages
  }: {
    readonly messageId?: string | undefined
    readonly query?: string | undefined
    readonly maxMessages: number
  },
  call: ToolCall
): Promise<string[]> {
  if ((given === undefined) === (query === undefined))
    throw new ToolError('invalid_argument', 'Give either messageId or query.')
  if (given !== undefined) return [await resolveMessageId(call.context.mailbox, given, call.signal)]
  return findMessages(query ?? '', maxMessages, call)
}

const fetched = (ids: readonly string[], { context, signal }: ToolCall): Promise<Message[]> =>
  Promise.all(ids.map((id) => context.mailbox.call('messages.get', { id, format: 'full' }, signal)))

/** By List-Id (RFC 2919), else by sender; the latest message of each speaks for it. */
function listsIn(messages: readonly Message[]): List[] {
  const lists = new Map<string, List>()
  for (const message of messages) {
    const key = (header(message, 'list-id') ?? senderOf(message)).toLowerCase()
    const list = lists.get(key) ?? { key, latest: message, ids: [] }
    list.ids.push(message.id ?? '')
    lists.set(key, list)
  }
  return [...lists.values()]
}

function planFor(
  list: List,
  method: (typeof METHODS)[number],
  { unsubscribe }: Pick<WorkerContext, 'unsubscribe'>
): Plan {
  const ways = waysOut(list.latest)
  const why = unsubscribe ? ways.whyNot : 'this server makes no such requests'
  const may = (way: (typeof METHODS)[number]) => method === 'auto' || method === way
  if (may('oneClick') && ways.oneClick && unsubscribe) return { list, ways, method: 'oneClick' }
  if (may('mailto') && ways.mailto) return { list, ways, method: 'mailto', why }
  if (method !== 'mailto' && ways.link) return { list, ways, method: 'link', why }
  return {
    list,
    ways,
    method: 'none',
    why: why ?? 'the message does not say how to leave the list'
  }
}

const about = ({ list, method, ways, why }: Plan) => {
  const host = hostOf(ways.oneClick ?? ways.link)
  return {
    messageId: list.latest.id ?? '',
    from: senderOf(list.latest),
    ...listIdOf(list.latest),
    messages: list.ids.length,
    method,
    ...(method === 'mailto' && ways.mailto && { host: ways.mailto.to.split('@')[1] ?? '' }),
    ...((method === 'oneClick' || method === 'link') && host && { host }),
    ...(why && { why })
  }
}

const planned = (plan: Plan): Left => ({
  ...about(plan),
  status: plan.method === 'none' ? 'impossible' : 'planned',
  ...(plan.method === 'link' && plan.ways.link && { url: plan.ways.link })
})

async function carryOut(plan: Plan, call: ToolCall): Promise<Left> {
  const { ways, method } = plan
  const base = about(plan)
  if (method === 'oneClick' && ways.oneClick) return posted(base, ways, call)
  if (method === 'mailto' && ways.mailto)
    return { ...base, status: 'drafted', draftId: await drafted(ways.mailto, call) }
  if (method === 'link' && ways.link) return { ...base, status: 'openLink', url: ways.link }
  return { ...base, status: 'impossible' }
}

/** RFC 8058 does not say what an answer means; HTTP does. A redirect is not followed: it would no longer be that request. */
async function posted(
  base: ReturnType<typeof about>,
  { oneClick = '', link }: WaysOut,
  { context }: ToolCall
): Promise<Left> {
  const answer = await context.unsubscribe?.(oneClick)
  if (answer?.outcome === 'answered') {
    const isDone = answer.status >= 200 && answer.status < 300
    const told = { ...base, httpStatus: answer.status }
    if (isDone) return { ...told, status: 'unsubscribed' }
    return { ...told, status: 'failed', why: 'its server refused', ...(link && { url: link }) }
  }
  const why =
    answer?.outcome === 'busy'
      ? 'too many lists were left in an hour, or are being left now; try again later'
      : 'its server could not be reached at a public address'
  return { ...base, status: 'failed', why, ...(link && { url: link }) }
}

async function drafted({ to, subject, body }: LeavingMail, call: ToolCall): Promise<string> {
  const content = { body, mimeType: 'text/plain', includeSignature: false } as const
  const { structured } = await saveDraft({ to: [to], subject, content }, {}, call)
  return structured.draftId
}

async function move(
  ids: readonly string[],
  { alsoArchive, alsoTrash }: { readonly alsoArchive: boolean; readonly alsoTrash: boolean },
  call: ToolCall
): Promise<number> {
  if (ids.length === 0 || !(alsoArchive || alsoTrash)) return 0
  const change = alsoTrash
    ? { addLabelIds: ['TRASH'], removeLabelIds: [] }
    : { addLabelIds: [], removeLabelIds: ['INBOX'] }
  return (await changeBatch(ids, change, 'none', call)).modified
}

const senderOf = (message: Message): string =>
  addressEntries(message, 'from')[0]?.text ?? 'unknown sender'

const listIdOf = (message: Message) => {
  const list = header(message, 'list-id')
  return list ? { list } : {}
}

const nameOf = ({ latest }: List): string => senderOf(latest)

const hostOf = (url: string | undefined): string => (url ? (URL.parse(url)?.hostname ?? '') : '')

const SAID: Readonly<Record<Left['status'], string>> = {
  planned: 'would be left',
  unsubscribed: 'left; its server accepted the request',
  failed: 'not left',
  drafted: 'a mail that leaves it is among the drafts; send it with send_draft',
  openLink: 'the user has to open the link',
  impossible: 'cannot be left'
}

function asText(
  {
    lists,
    lookedAt,
    moved,
    dryRun
  }: { lists: readonly Left[]; lookedAt: number; moved: number; dryRun: boolean },
  nonce: string
): string {
  const lines = lists.map(({ from, host, method, status, why, url, draftId, messages }) =>
    [
      `- ${from} (${messages} messages; ${method}${host ? ` at ${host}` : ''}): ${SAID[status]}`,
      why ? `because ${why}` : '',
      draftId ? `draft ${draftId}` : '',
      url ? `link: ${url}` : ''
    ]
      .filter((each) => each !== '')
      .join('; ')
  )
  return [
    dryRun
      ? `Dry run: nothing was done. ${lookedAt} messages looked at.`
      : `${lookedAt} messages looked at.`,
    lines.length > 0 ? fence(nonce, lines.join('\n')) : 'No messages were found.',
    moved > 0 ? `${moved} messages were moved.` : ''
  ]
    .filter((line) => line !== '')
    .join('\n')
}
