import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { sameAddress } from '../gmail/addresses.ts'
import type { SendAs } from '../gmail/mailbox.ts'
import { cleanLine, cleanText } from '../mime/clean-text.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { CHANGES, READS } from '../tool-kit/schemas.ts'
import { ellipsis } from '../tool-kit/truncate.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'

/** Gmail's own limit of a signature. */
const SIGNATURE_CHARS = 10_000

const AliasOut = z.object({
  email: z.string(),
  displayName: theirs(z.string()).optional(),
  replyTo: theirs(z.string()).optional(),
  signature: theirs(z.string()).optional().describe('HTML'),
  isDefault: z.boolean(),
  isPrimary: z.boolean(),
  verified: z.boolean().describe('Whether mail may be sent as this address')
})
type AliasOut = z.input<typeof AliasOut>

export const listSendAs = defineTool({
  name: 'list_send_as',
  title: 'List addresses to send from',
  description:
    'Lists the addresses that the account may send from, which of them is the default, and their signatures.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({}),
  output: z.object({ sendAs: z.array(AliasOut) }),
  async run(_, { context, signal }) {
    const { sendAs = [] } = await context.mailbox.call('sendAs.list', {}, signal)
    const aliases = sendAs.map(aliasOut)
    const lines = aliases.map(aliasLine).join('\n')
    return {
      structured: { sendAs: aliases },
      text: `${aliases.length} addresses.\n${fence(context.nonce(), lines)}`
    }
  }
})

export const updateSignature = defineTool({
  name: 'update_signature',
  title: 'Change a signature',
  description: 'Replaces the signature of an address that the account sends from.',
  level: 'gmail.settings',
  annotations: CHANGES,
  input: z.object({
    signature: z
      .string()
      .max(SIGNATURE_CHARS)
      .describe('HTML; Gmail cleans it. Empty removes the signature'),
    sendAsEmail: z
      .string()
      .max(320)
      .optional()
      .describe('One of list_send_as; by default the default address')
  }),
  output: AliasOut,
  async run({ signature, sendAsEmail }, { context, signal }) {
    const { sendAs = [] } = await context.mailbox.call('sendAs.list', {}, signal)
    const alias = sendAsEmail
      ? sendAs.find((each) => sameAddress(each.sendAsEmail ?? '', sendAsEmail))
      : (sendAs.find((each) => each.isDefault) ?? sendAs.find((each) => each.isPrimary))
    const email = alias?.sendAsEmail
    if (!email)
      throw new ToolError(
        'invalid_argument',
        `sendAsEmail must be one of: ${sendAs.map((each) => each.sendAsEmail).join(', ')}.`
      )
    const after = aliasOut(
      await context.mailbox.call(
        'sendAs.patch',
        { sendAsEmail: email, requestBody: { signature } },
        signal
      )
    )
    const what = signature === '' ? 'was removed' : 'was changed'
    return { structured: after, text: `The signature of ${email} ${what}.` }
  }
})

function aliasOut(alias: SendAs): AliasOut {
  const { sendAsEmail, displayName, replyToAddress, signature, verificationStatus } = alias
  const isPrimary = alias.isPrimary ?? false
  return {
    email: sendAsEmail ?? '',
    ...(displayName && { displayName: cleanLine(displayName) }),
    ...(replyToAddress && { replyTo: cleanLine(replyToAddress) }),
    ...(signature && { signature: cleanText(signature) }),
    isDefault: alias.isDefault ?? false,
    isPrimary,
    verified: isPrimary || !verificationStatus || verificationStatus === 'accepted'
  }
}

function aliasLine(alias: AliasOut): string {
  const { email, displayName, replyTo, signature, isDefault, verified } = alias
  const marks = [
    isDefault ? 'default' : '',
    verified ? '' : 'not verified',
    replyTo ? `replies to ${replyTo}` : '',
    signature ? `signature: ${ellipsis(cleanLine(signature), 500)}` : 'no signature'
  ]
  return `- ${displayName ? `${displayName} ` : ''}<${email}> | ${marks.filter((each) => each !== '').join(' | ')}`
}
