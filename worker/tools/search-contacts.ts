import * as z from 'zod'
import { sameAddress } from '../gmail/addresses.ts'
import type { Listed, Message } from '../gmail/mailbox.ts'
import { addressEntries, readEnvelope } from '../gmail/read-message.ts'
import { int } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { READS } from '../tool-kit/schemas.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'

/** Messages of each kind that are looked at, at 20 units each; with the lists all of it stays under 350. */
const LOOKS = 8

const Contact = z.object({
  address: theirs(z.string()),
  name: theirs(z.string()).optional(),
  writtenTo: z.boolean().describe('Whether the account has written to this address'),
  messages: z.number().describe('Among those looked at'),
  lastDate: z.string().optional().describe('ISO 8601')
})
type Contact = z.input<typeof Contact>

export const searchContacts = defineTool({
  name: 'search_contacts',
  title: 'Find an address',
  description:
    "Finds people's addresses by name or address, in the mail that the account sent and got; whom it has written to comes first. The address book of Google is not read. A name in received mail is the sender's own claim.",
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    query: z.string().max(200).default('').describe('Words of a name or address; none: the latest'),
    maxResults: int(1, 50).default(10)
  }),
  output: z.object({ contacts: z.array(Contact), lookedAt: z.number().describe('Messages') }),
  async run({ query, maxResults }, call) {
    const words = query.toLowerCase().match(/[^\s"'(){}:<>,]+/g) ?? []
    const sought = words.map((word) => `"${word}"`).join(' ')
    const narrowed = (field: string) => (sought === '' ? '' : ` ${field}:(${sought})`)
    const [sent, got] = await Promise.all([
      messages(`in:sent${narrowed('to')}`, call),
      messages(`-in:sent -in:drafts -in:chats${narrowed('from')}`, call)
    ])
    // Gmail finds whole words alone; what was written last is looked through for parts of them.
    const late = sent.length + got.length === 0 ? await messages('in:sent', call) : []
    const own = call.context.mailbox.address
    const found = contactsIn([...sent, ...late], got, words).filter(
      ({ address }) => !sameAddress(address, own)
    )
    const structured = {
      contacts: found.slice(0, maxResults),
      lookedAt: sent.length + got.length + late.length
    }
    return { structured, text: asText(structured.contacts, call.context.nonce()) }
  }
})

async function messages(q: string, { context, signal }: ToolCall): Promise<Message[]> {
  const { mailbox } = context
  const page = await mailbox.call('messages.list', { q, maxResults: LOOKS }, signal)
  const found = (page.messages ?? []).flatMap(({ id, threadId }): Listed[] =>
    id && threadId ? [{ id, threadId }] : []
  )
  return Promise.all(
    found.map(({ id }) =>
      mailbox.call(
        'messages.get',
        { id, format: 'metadata', metadataHeaders: ['From', 'To', 'Cc', 'Bcc', 'Date'] },
        signal
      )
    )
  )
}

function contactsIn(
  sent: readonly Message[],
  got: readonly Message[],
  words: readonly string[]
): Contact[] {
  const found = new Map<string, Contact>()
  const add = (message: Message, fields: readonly string[], writtenTo: boolean) => {
    const { date } = readEnvelope(message)
    for (const { mailbox } of fields.flatMap((field) => addressEntries(message, field))) {
      if (!mailbox) continue
      const { address, name } = mailbox
      const text = `${name} ${address}`.toLowerCase()
      if (!words.every((word) => text.includes(word))) continue
      const known = found.get(address.toLowerCase())
      const lastDate = [known?.lastDate, date]
        .filter((each) => each !== undefined)
        .toSorted()
        .at(-1)
      // A name that the account itself wrote counts before one that somebody gives themselves.
      const called = known?.name ?? (name || undefined)
      found.set(address.toLowerCase(), {
        address,
        ...(called && { name: called }),
        writtenTo: writtenTo || known?.writtenTo === true,
        messages: (known?.messages ?? 0) + 1,
        ...(lastDate && { lastDate })
      })
    }
  }
  for (const message of sent) add(message, ['to', 'cc', 'bcc'], true)
  for (const message of got) add(message, ['from'], false)
  return [...found.values()].toSorted(
    (a, b) =>
      Number(b.writtenTo) - Number(a.writtenTo) ||
      b.messages - a.messages ||
      (b.lastDate ?? '').localeCompare(a.lastDate ?? '')
  )
}

function asText(contacts: readonly Contact[], nonce: string): string {
  if (contacts.length === 0) return 'Nobody was found in the mail; ask the user for the address.'
  const lines = contacts.map(
    ({ name, address, writtenTo, messages: count, lastDate }) =>
      `${name ? `${name} <${address}>` : address}: ${writtenTo ? 'written to' : 'wrote'}, ${count} seen, last ${lastDate ?? 'unknown'}`
  )
  return fence(nonce, lines.join('\n'))
}
