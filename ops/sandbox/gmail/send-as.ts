import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import * as z from 'zod'
import { invalid, notFound } from '../google-error.ts'
import type { Mailbox } from '../mailbox/mailbox.ts'
import { defineMethod, type GmailMethod } from './method.ts'
import { ANY_OF } from './scopes.ts'

const SendAsInput = z.strictObject({
  sendAsEmail: z.string().optional(),
  displayName: z.string().optional(),
  replyToAddress: z.string().optional(),
  signature: z.string().max(10_000).optional(),
  isDefault: z.boolean().optional(),
  isPrimary: z.unknown().optional(),
  treatAsAlias: z.boolean().optional(),
  verificationStatus: z.unknown().optional(),
  smtpMsa: z.unknown().optional()
})

/** The addresses that the account may send from, with their signatures. */
export const sendAsMethods: readonly GmailMethod[] = [
  defineMethod({
    name: 'settings.sendAs.list',
    verb: 'GET',
    path: 'settings/sendAs',
    anyOf: ANY_OF.readSettings,
    units: 1,
    serve: ({ mailbox: { settings } }): gmail_v1.Schema$ListSendAsResponse => ({
      sendAs: settings.sendAs
    })
  }),
  defineMethod({
    name: 'settings.sendAs.get',
    verb: 'GET',
    path: 'settings/sendAs/:sendAsEmail',
    anyOf: ANY_OF.readSettings,
    units: 1,
    serve: ({ mailbox, params }) => findAlias(mailbox, params.sendAsEmail)
  }),
  defineMethod({
    name: 'settings.sendAs.patch',
    verb: 'PATCH',
    path: 'settings/sendAs/:sendAsEmail',
    anyOf: ANY_OF.sendAs,
    units: 100,
    body: SendAsInput,
    serve: ({ mailbox, params, body }) =>
      change(mailbox, findAlias(mailbox, params.sendAsEmail), body)
  }),
  defineMethod({
    name: 'settings.sendAs.update',
    verb: 'PUT',
    path: 'settings/sendAs/:sendAsEmail',
    anyOf: ANY_OF.sendAs,
    units: 100,
    body: SendAsInput,
    serve({ mailbox, params, body }) {
      const cleared = { displayName: '', replyToAddress: '', signature: '' }
      return change(mailbox, findAlias(mailbox, params.sendAsEmail), { ...cleared, ...body })
    }
  })
]

function findAlias({ settings }: Mailbox, email = ''): gmail_v1.Schema$SendAs {
  const alias = settings.sendAs.find(({ sendAsEmail }) => sendAsEmail === email.toLowerCase())
  if (!alias) throw notFound()
  return alias
}

function change(
  mailbox: Mailbox,
  alias: gmail_v1.Schema$SendAs,
  { displayName, replyToAddress, signature, isDefault, treatAsAlias }: z.infer<typeof SendAsInput>
): gmail_v1.Schema$SendAs {
  if (isDefault === false && alias.isDefault) throw invalid('Cannot unset the default send-as')
  const changed = {
    ...alias,
    ...(displayName === undefined ? {} : { displayName }),
    ...(replyToAddress === undefined ? {} : { replyToAddress }),
    ...(signature === undefined ? {} : { signature }),
    ...(isDefault === undefined ? {} : { isDefault }),
    ...(treatAsAlias === undefined || alias.isPrimary ? {} : { treatAsAlias })
  }
  const sendAs = mailbox.settings.sendAs.map((other) => {
    if (other === alias) return changed
    return isDefault ? { ...other, isDefault: false } : other
  })
  mailbox.settings = { ...mailbox.settings, sendAs }
  mailbox.onChange()
  return changed
}
