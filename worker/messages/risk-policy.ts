/** What of an act its person is to be asked about, as the operator and the person want it. */

import { ToolError } from '#shared/tool-error.ts'
import type { Risk, ToolPolicy } from '#shared/tool-policy.ts'
import { sameAddress } from '../gmail/addresses.ts'
import type { Act } from '../tool-kit/confirm.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import type { Reached } from './compose-message.ts'

/** More messages than these at once are a mass. */
const MASS = 50
/** So many recipients are looked up, at 5 units each; with more of them, the others count as new. */
const MOST_LOOKED_UP = 10
const MOST_NAMED = 20

/** Whether somebody wants to be asked about this. */
export const isAskedAbout = (risk: Risk, { operator, person }: ToolPolicy): boolean =>
  operator.confirm.includes(risk) || person.confirm.includes(risk)

/** A message that is about to be sent. */
export interface Sending {
  readonly tool: string
  readonly reached: Reached
  readonly subject: string
  /** The same for the same content to the same people. */
  readonly hash: string
  readonly forwards?: boolean
}

/** Throws `recipient_not_allowed` for an address that the operator's list does not have. */
export function requireAllowed(addresses: readonly string[], { operator }: ToolPolicy): void {
  const { recipients } = operator
  if (recipients.length === 0) return
  const refused = addresses.filter(
    (address) =>
      !recipients.some((allowed) =>
        allowed.startsWith('@')
          ? domainOf(address) === allowed.slice(1).toLowerCase()
          : sameAddress(allowed, address)
      )
  )
  if (refused.length === 0) return
  throw new ToolError(
    'recipient_not_allowed',
    `Whoever runs this server lets mail go to certain addresses only (ALLOWED_RECIPIENTS), and ${named(refused)} ${refused.length === 1 ? 'is' : 'are'} not among them. Nothing was sent. A draft can be saved, for the user to send in Gmail.`
  )
}

/** Before a message goes out: refuses whom it may not reach, and asks the person about what a policy names. */
export async function beforeSending(sending: Sending, call: ToolCall): Promise<void> {
  const everybody = recipientsOf(sending.reached)
  requireAllowed(everybody, call.context.policy())
  const reasons = await reasonsToAsk(sending, call)
  if (reasons.length === 0) return
  const { tool, hash, subject } = sending
  const words = [
    `Send mail to ${named(everybody)}.`,
    `Subject: ${subject || '(no subject)'}`,
    ...reasons
  ]
  await call.confirm({ tool, what: hash, words })
}

/** Why the person would be asked before this is sent, a sentence each; empty when they would not. */
export async function reasonsToAsk(
  { reached, forwards = false }: Pick<Sending, 'reached' | 'forwards'>,
  call: ToolCall
): Promise<string[]> {
  const { context } = call
  const policy = context.policy()
  const everybody = recipientsOf(reached)
  const own = domainOf(context.mailbox.address)
  const outside = isAskedAbout('outside-domain', policy)
    ? everybody.filter((address) => domainOf(address) !== own)
    : []
  const fresh = isAskedAbout('new-recipients', policy) ? await neverWrittenTo(everybody, call) : []
  return [
    ...(outside.length > 0 ? [`Outside ${own}: ${named(outside)}.`] : []),
    ...(fresh.length > 0 ? [`Never written to before: ${named(fresh)}.`] : []),
    ...(forwards && isAskedAbout('forwarding', policy) ? ['Mail of others is sent on.'] : [])
  ]
}

/** Before many messages are changed at once. */
export async function beforeMassChange(
  { tool, what, words, count }: Omit<Act, 'agreed'> & { readonly count: number },
  call: ToolCall
): Promise<void> {
  if (count <= MASS || !isAskedAbout('mass-changes', call.context.policy())) return
  await call.confirm({ tool, what, words })
}

async function neverWrittenTo(
  addresses: readonly string[],
  { context, signal }: ToolCall
): Promise<string[]> {
  const looked = await Promise.all(
    addresses.map(async (address, index) => {
      if (index >= MOST_LOOKED_UP || /[\s"()]/.test(address)) return address
      if (sameAddress(address, context.mailbox.address)) return undefined
      const page = { q: `in:sent to:${address}`, maxResults: 1 }
      const { messages = [] } = await context.mailbox.call('messages.list', page, signal)
      return messages.length === 0 ? address : undefined
    })
  )
  return looked.filter((address) => address !== undefined)
}

const recipientsOf = ({ to, cc, bcc }: Reached): string[] => [...to, ...cc, ...bcc]

const domainOf = (address: string): string => address.split('@').at(-1)?.toLowerCase() ?? ''

/** A list in words. */
function named(list: readonly string[]): string {
  const more = list.length > MOST_NAMED ? ` and ${list.length - MOST_NAMED} more` : ''
  return `${list.slice(0, MOST_NAMED).join(', ')}${more}`
}
