import { createHash } from 'node:crypto'
import type { MailboxView } from '../../ops/sandbox/mailbox/mailbox-view.ts'
import type { Random } from '../../ops/sandbox/random.ts'
import type { Sandbox } from '../../ops/sandbox/sandbox.ts'

/** What tells people and letters apart, wherever it stands in an answer. */
const MARKS = /canary-[0-9a-f]{16}|user\d+@chaos\.example|letter\d+/g
const CANARY = /canary-[0-9a-f]{16}/g
const LETTERS = 6

/** One person of the sandbox, as the one who may expect answers about them. */
export interface ChaosPerson {
  readonly email: string
  /** A word that stands in this person's mail and labels, and nowhere else. */
  readonly canary: string
  /** The Gmail ids of this person's letters; the first one is `letter0`. */
  readonly letters: readonly string[]
  /** Words that this person's clients were told are written. */
  readonly written: Set<string>
}

/** A call of a tool, and all that its answer must hold. */
export interface Question {
  readonly tool: string
  readonly args: Readonly<Record<string, unknown>>
  readonly holds: readonly string[]
  /** Must be in the mailbox from the answer on. */
  readonly writes?: string
}

export const chaosUsers = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ email: `user${n}@chaos.example`, empty: true }))

/** Puts a few letters into everybody's mailbox. */
export const deliverLetters = (sandbox: Sandbox): ChaosPerson[] =>
  sandbox.users.map(({ email }) => {
    const canary = `canary-${createHash('sha256').update(email).digest('hex').slice(0, 16)}`
    const letters = Array.from({ length: LETTERS }, (_, n) => {
      const text = `This is letter${n} of ${canary}.`
      const body = n === 0 ? { html: `<p>${text}</p>` } : { text } // HTML is read by a thread
      const from = 'Everybody <everybody@elsewhere.example>'
      return sandbox.mailbox(email).deliver({ from, subject: `letter${n} ${canary}`, ...body }).id
    })
    return { email, canary, letters, written: new Set() }
  })

/** Mostly the reading of one letter. */
export function askSomething(person: ChaosPerson, random: Random): Question {
  const { email, canary } = person
  const dice = random.below(20)
  if (dice === 0) return { tool: 'list_email_labels', args: {}, holds: ['INBOX'] }
  if (dice === 1) return { tool: 'get_profile', args: {}, holds: [email] }
  if (dice === 2) return askForLabel(canary, random)
  if (dice === 3) return askToWrite('draft_email', person, random)
  if (dice === 4) return askToWrite('send_email', person, random)
  const n = random.below(LETTERS)
  if (dice < 9) return askForSearch(canary, n)
  return askForLetter(person, n)
}

export const askForLetter = ({ letters, canary }: ChaosPerson, n: number): Question => ({
  tool: 'read_email',
  args: { messageId: letters[n] },
  holds: [`letter${n} of ${canary}`, letters[n] ?? '']
})

const askForSearch = (canary: string, n: number): Question => ({
  tool: 'search_emails',
  args: { query: `subject:letter${n}` },
  holds: [`letter${n} ${canary}`]
})

function askForLabel(canary: string, random: Random): Question {
  const name = `${canary} ${nonceFrom(random)}`
  return { tool: 'create_label', args: { name }, holds: [name], writes: name }
}

function askToWrite(
  tool: 'draft_email' | 'send_email',
  { email, canary }: ChaosPerson,
  random: Random
): Question {
  const nonce = nonceFrom(random)
  const to = [email, `${nonce}@elsewhere.example`]
  const subject = `${tool} ${canary} ${nonce}`
  return { tool, args: { to, subject, body: 'Nothing.' }, holds: to, writes: subject }
}

const nonceFrom = (random: Random): string => Math.floor(random.next() * 2 ** 40).toString(36)

/** The marks in a text that have no business in an answer to this question of this person. */
export function foreignMarks(
  text: string,
  { email, canary }: ChaosPerson,
  { holds }: Pick<Question, 'holds'>
): string[] {
  const expected = new Set([email, canary, ...holds.flatMap((words) => words.match(MARKS) ?? [])])
  return (text.match(MARKS) ?? []).filter((mark) => !expected.has(mark))
}

/** What is wrong with a mailbox after all: somebody else's words in it, words that are missing or there twice. */
export function mistakesIn(mailbox: MailboxView, { canary, written }: ChaosPerson): string[] {
  const words = [
    ...mailbox.labels.map(({ name }) => name),
    ...mailbox.messages.map(({ mail }) => mail.subject)
  ]
  const held = new Set(words)
  return [
    ...[...written].filter((each) => !held.has(each)).map((each) => `missing: ${each}`),
    ...words.filter((each, n) => words.indexOf(each) !== n).map((each) => `twice: ${each}`),
    ...words.filter((each) => foreignCanaries(each, canary)).map((each) => `foreign: ${each}`)
  ]
}

const foreignCanaries = (text: string, canary: string): boolean =>
  (text.match(CANARY) ?? []).some((mark) => mark !== canary)
