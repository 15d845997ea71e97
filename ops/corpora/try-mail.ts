import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import PostalMime from 'postal-mime'
import * as z from 'zod'
import type { Person, ToolAnswer } from './people.ts'

const Inserted = z.object({ id: z.string(), threadId: z.string() })
const Piece = z.object({
  truncated: z.boolean().default(false),
  nextOffset: z.number().optional(),
  body: z.string().default(''),
  text: z.string().default(''),
  html: z.string().default(''),
  subject: z.string().default(''),
  attachments: z
    .array(z.object({ partId: z.string(), filename: z.string(), mimeType: z.string() }))
    .default([])
})
const Thread = z.object({
  messages: z.array(
    z.object({
      id: z.string(),
      body: z.string().default(''),
      truncated: z.boolean(),
      leftOut: z.looseObject({}).optional()
    })
  )
})
const Sent = z.object({ recipients: z.array(z.string()) })
const File = z.object({ contentBase64: z.string(), filename: z.string() })
const Draft = z.object({ message: z.object({ raw: z.string() }) })

/** What the tools make of one mail. */
export interface Seen {
  /** All that any tool gave of its text. */
  readonly text: string
  /** Whether get_thread leaves out text of the body without saying so. */
  readonly threadCut: string[]
  /** Addresses in lower case; undefined when the tool refused. */
  readonly reply: readonly string[] | undefined
  readonly replyAll: readonly string[] | undefined
  readonly refusal: string
  readonly files: readonly { name: string; sha256: string }[]
  /** SHA-256 of the files of a forward. */
  readonly forwarded: readonly string[]
  /** Answers that no mail should lead to. */
  readonly crashes: readonly string[]
}

const MAX_PIECES = 60
const MAX_FILES = 40

/** Puts a mail into a mailbox as it is, and has it read, threaded, answered, forwarded and downloaded. */
export async function tryMail(person: Person, path: string): Promise<Seen> {
  const raw = readFileSync(path).toString('base64url')
  const inserted = await person.gmail('POST', 'messages', { raw, labelIds: ['INBOX'] })
  const { id, threadId } = Inserted.parse(inserted)
  const crashes: string[] = []
  const call = async (name: string, args: object): Promise<ToolAnswer> => {
    const answer = await person.call(name, { ...args }).catch((error: unknown) => ({
      isError: true,
      text: `${error}`,
      data: { code: 'broken' }
    }))
    const { code } = answer.data
    if (answer.isError && CRASHES.has(`${code}`)) crashes.push(`${name}: ${answer.text}`)
    return answer
  }
  const pieces = await allPieces((bodyOffset) =>
    call('read_email', { messageId: id, bodyOffset, includeHtml: bodyOffset === 0 })
  )
  const attachments = pieces[0]?.attachments.slice(0, MAX_FILES) ?? []
  const thread = Thread.safeParse(
    (await call('get_thread', { threadId, maxBodyLength: 20_000 })).data
  )
  const inThread = thread.data?.messages.find((each) => each.id === id)
  const body = pieces.map((piece) => piece.body).join('')
  const answers = await answersOf(call, id)
  const files: { name: string; sha256: string }[] = []
  const fileTexts: string[] = []
  for (const { partId, mimeType } of attachments) {
    const named = { messageId: id, partId }
    const file = File.safeParse(
      (await call('download_attachment', { ...named, delivery: 'inline' })).data
    )
    if (file.data) {
      const { filename, contentBase64 } = file.data
      const bytes = Buffer.from(contentBase64, 'base64')
      const inner = mimeType === 'message/rfc822' ? await hashesIn(bytes) : []
      for (const hash of [sha256(bytes), ...inner]) files.push({ name: filename, sha256: hash })
    }
    if (!/^(text|message)\//.test(mimeType)) continue
    const texts = await allPieces((textOffset) =>
      call('download_attachment', { ...named, delivery: 'text', textOffset })
    )
    fileTexts.push(...texts.map(({ text }) => text))
  }
  return {
    text: [body, ...pieces.map(({ html }) => html), inThread?.body ?? '', ...fileTexts].join('\n'),
    threadCut:
      inThread && !inThread.truncated && !inThread.leftOut ? wordsMissing(body, inThread.body) : [],
    ...answers,
    files,
    forwarded: await forward(person, call, id),
    crashes
  }
}

const CRASHES = new Set(['broken', 'upstream_unavailable', 'outcome_unknown', 'undefined'])

type Call = (name: string, args: object) => Promise<ToolAnswer>

async function allPieces(read: (offset: number) => Promise<ToolAnswer>) {
  const pieces: z.infer<typeof Piece>[] = []
  for (let offset: number | undefined = 0; offset !== undefined && pieces.length < MAX_PIECES; ) {
    const piece: z.infer<typeof Piece> = Piece.parse((await read(offset)).data)
    pieces.push(piece)
    offset = piece.truncated ? piece.nextOffset : undefined
  }
  return pieces
}

async function answersOf(call: Call, messageId: string) {
  const args = { messageId, body: 'x', dryRun: true }
  const one = await call('reply_to_email', args)
  const all = await call('reply_all', args)
  return {
    reply: recipientsOf(one),
    replyAll: recipientsOf(all),
    refusal: one.isError ? one.text : ''
  }
}

const recipientsOf = ({ data, isError }: ToolAnswer): string[] | undefined =>
  isError ? undefined : Sent.parse(data).recipients.map((each) => each.toLowerCase())

async function forward(person: Person, call: Call, messageId: string): Promise<string[]> {
  const args = { messageId, to: ['somebody@out.example'], asDraft: true }
  const { data } = await call('forward_email', args)
  if (typeof data.draftId !== 'string') return []
  const draft = Draft.parse(await person.gmail('GET', `drafts/${data.draftId}?format=raw`))
  return hashesIn(Buffer.from(draft.message.raw, 'base64url'))
}

/** The hashes of a message's files, and of those of messages that are attached to it. */
async function hashesIn(raw: Buffer): Promise<string[]> {
  const { attachments } = await PostalMime.parse(raw, {
    attachmentEncoding: 'arraybuffer',
    forceRfc822Attachments: true
  })
  const hashes = attachments.map(async ({ content, mimeType }) => {
    const bytes = Buffer.from(
      typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content)
    )
    const inner = mimeType === 'message/rfc822' ? await hashesIn(bytes) : []
    return [
      sha256(bytes),
      ...(mimeType.startsWith('text/') ? [sha256(asSent(bytes))] : []),
      ...inner
    ]
  })
  return (await Promise.all(hashes)).flat()
}

/**
 * A text in the lines that it was sent in (RFC 2046, section 5.1.1): the library gives them without the ends that they
 * had, and the one that belongs to the boundary.
 */
const asSent = (bytes: Buffer): Buffer =>
  Buffer.from(
    bytes
      .toString('latin1')
      .replace(/\r?\n$/, '')
      .replace(/\r?\n/g, '\r\n'),
    'latin1'
  )

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')

/** A text as words are looked for in it. */
export const folded = (text: string): string => text.normalize('NFKC').toLowerCase()

function wordsMissing(whole: string, part: string): string[] {
  const there = folded(part)
  const words = new Set(folded(whole).match(/[\p{L}\p{N}_]{3,40}/gu))
  return [...words].filter((word) => !there.includes(word))
}
