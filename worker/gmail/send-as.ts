import type { gmail_v1 } from '@googleapis/gmail'
import { ToolError } from '#shared/tool-error.ts'
import { type Address, parseAddress, sameAddress } from './addresses.ts'
import type { Mailbox } from './mailbox.ts'

/** An address that the account may write from. */
export interface Identity {
  readonly from: Address
  /** HTML; empty when there is none. */
  readonly signature: string
}

/** All addresses that the account may write from, its own first. One that nobody has confirmed is somebody else's. */
export async function ownAddresses(mailbox: Mailbox, signal: AbortSignal): Promise<string[]> {
  const { sendAs = [] } = await mailbox.call('sendAs.list', {}, signal)
  const aliases = sendAs
    .filter(isUsable)
    .map(({ sendAsEmail }) => sendAsEmail ?? '')
    .filter((each) => each !== '')
  return [mailbox.address, ...aliases]
}

/**
 * The identity to write from: the account's default one, or the one that was asked for. Throws `invalid_argument` when
 * the account may not send as that address; it is never taken from the caller's word.
 */
export async function identityFor(
  mailbox: Mailbox,
  wanted: string | undefined,
  signal: AbortSignal
): Promise<Identity> {
  const { sendAs = [] } = await mailbox.call('sendAs.list', {}, signal)
  const asked = wanted === undefined ? undefined : parseAddress(wanted)?.address
  if (wanted !== undefined && asked === undefined)
    throw new ToolError('invalid_argument', 'from is no e-mail address.')
  const usable = sendAs.filter(isUsable)
  const found = asked
    ? usable.find((each) => sameAddress(each.sendAsEmail ?? '', asked))
    : (usable.find((each) => each.isDefault) ?? usable.find((each) => each.isPrimary))
  if (asked && !found && !sameAddress(asked, mailbox.address))
    throw new ToolError(
      'invalid_argument',
      `This account may not send as that address. It may send as: ${usable.map((each) => each.sendAsEmail).join(', ') || mailbox.address}.`
    )
  return {
    from: { name: found?.displayName ?? '', address: found?.sendAsEmail ?? mailbox.address },
    signature: found?.signature ?? ''
  }
}

const isUsable = ({ isPrimary, verificationStatus }: gmail_v1.Schema$SendAs): boolean =>
  isPrimary === true || !verificationStatus || verificationStatus === 'accepted'
