import * as z from 'zod'
import { confusable } from '../gmail/confusables.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'
import type { ComposedMessage } from './compose-message.ts'

/** More recipients of one field are not named in a text: a result has limits. */
const MAX_NAMED = 50

/** The fields of a result that say whom a message reaches. */
export const recipientsSchema = {
  recipients: theirs(z.array(z.string()), 'Addresses, as they stand in mail that is answered'),
  notReached: theirs(
    z.array(z.string()),
    'Entries of that mail which are no address: nobody is written to for them'
  ).optional(),
  lookAlikes: theirs(
    z.array(z.string()),
    'Recipients whose domain may pass for another one, and why: ask the user'
  ).optional()
}
const Out = z.object(recipientsSchema)

/** Those fields. */
export function recipientFields({
  reached,
  odd
}: Pick<ComposedMessage, 'reached' | 'odd'>): z.input<typeof Out> {
  const recipients = [...reached.to, ...reached.cc, ...reached.bcc]
  const alike = recipients.flatMap((each) => confusable(each) ?? [])
  return {
    recipients,
    ...(odd.length > 0 && { notReached: [...odd] }),
    ...(alike.length > 0 && { lookAlikes: alike })
  }
}

/** The same for a reader: everybody by field, and below what to look at. Addresses are the words of others. */
export function recipientsText(
  { reached, odd }: Pick<ComposedMessage, 'reached' | 'odd'>,
  nonce: string
): string {
  const all = [...reached.to, ...reached.cc, ...reached.bcc]
  const alike = all.flatMap((each) => confusable(each) ?? [])
  const lines = [
    line('To', reached.to),
    line('Cc', reached.cc),
    line('Bcc', reached.bcc),
    line('No address, so not written to', odd),
    line('Look-alike', alike)
  ].filter((each) => each !== '')
  const warned =
    alike.length > 0
      ? '\nWarning: letters of different scripts make a domain look like another one. Ask the user before you go on.'
      : ''
  return lines.length === 0 ? 'Nobody yet.' : `${fence(nonce, lines.join('\n'))}${warned}`
}

function line(field: string, list: readonly string[]): string {
  if (list.length === 0) return ''
  const more = list.length > MAX_NAMED ? ` and ${list.length - MAX_NAMED} more` : ''
  return `${field}: ${list.slice(0, MAX_NAMED).join(', ')}${more}`
}
