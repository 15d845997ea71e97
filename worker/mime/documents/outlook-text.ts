/** A message that Outlook has saved (MS-OXMSG). */
import MsgReader from '@kenjiuno/msgreader'
import { type Gathered, UnreadableDocument } from './limits.ts'

const MOST_NAMED = 200

export function outlookText(bytes: Uint8Array, out: Gathered): void {
  const copy = new Uint8Array(bytes).buffer
  const message = new MsgReader.default(copy).getFileData()
  if (message.error || (message.subject === undefined && message.body === undefined))
    throw new UnreadableDocument(
      'It is not a message of Outlook; older files of Office are not read.'
    )
  const { recipients = [], attachments = [] } = message
  const person = (name?: string, address?: string) => `${name ?? ''} <${address ?? ''}>`.trim()
  out.add(`From: ${person(message.senderName, message.senderSmtpAddress ?? message.senderEmail)}\n`)
  const to = recipients
    .slice(0, MOST_NAMED)
    .map(({ name, smtpAddress, email }) => person(name, smtpAddress ?? email))
  out.add(`To: ${to.join(', ')}\n`)
  out.add(`Subject: ${message.subject ?? ''}\n`)
  out.add(`Date: ${message.messageDeliveryTime ?? message.clientSubmitTime ?? 'unknown'}\n\n`)
  out.add(message.body ?? '')
  const files = attachments
    .slice(0, MOST_NAMED)
    .map(({ fileName, name }) => `- ${fileName ?? name ?? ''}`)
  if (files.length > 0) out.add(`\n\nFiles inside:\n${files.join('\n')}`)
}
