import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import type {
  AutoForwarding,
  Delegate,
  ForwardingAddress,
  GmailMethod,
  GmailMethods,
  Imap,
  Pop
} from '../gmail/mailbox.ts'
import { flag, objectOf } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { definedOnly } from '../tool-kit/defined-only.ts'
import { CHANGES, READS } from '../tool-kit/schemas.ts'

const IMAP_EXPUNGE = ['archive', 'trash', 'deleteForever'] as const
const POP_WINDOW = ['disabled', 'fromNowOn', 'allMail'] as const
const POP_AFTERWARDS = ['leaveInInbox', 'archive', 'trash', 'markRead'] as const

const SettingsOut = z.object({
  imap: z
    .object({ enabled: z.boolean(), autoExpunge: z.boolean(), expungeBehavior: z.string() })
    .optional(),
  pop: z.object({ accessWindow: z.string(), disposition: z.string() }).optional(),
  language: z.string().optional(),
  autoForwarding: z
    .object({ enabled: z.boolean(), to: z.string().optional(), disposition: z.string().optional() })
    .optional(),
  forwardingAddresses: z.array(z.object({ email: z.string(), verified: z.boolean() })).optional(),
  delegates: z.array(z.object({ email: z.string(), status: z.string() })).optional(),
  unavailable: z.array(z.string()).describe('What Google does not let this account read')
})
type SettingsOut = z.input<typeof SettingsOut>

export const getMailSettings = defineTool({
  name: 'get_mail_settings',
  title: 'Show settings of the mailbox',
  description:
    'Shows IMAP, POP, language, automatic forwarding, forwarding addresses and delegates of the account.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({}),
  output: SettingsOut,
  async run(_, call) {
    const settings = await readAll(call)
    return { structured: settings, text: asText(settings) }
  }
})

export const updateMailSettings = defineTool({
  name: 'update_mail_settings',
  title: 'Change settings of the mailbox',
  description: 'Changes IMAP, POP or the language. What is not given stays as it is.',
  level: 'gmail.settings',
  annotations: CHANGES,
  input: z.object({
    imap: objectOf(
      z.strictObject({
        enabled: flag().optional(),
        autoExpunge: flag().optional().describe('Remove at once what a client marks as deleted'),
        expungeBehavior: z.enum(IMAP_EXPUNGE).optional()
      })
    ).optional(),
    pop: objectOf(
      z.strictObject({
        accessWindow: z.enum(POP_WINDOW).optional(),
        disposition: z.enum(POP_AFTERWARDS).optional().describe('What happens to fetched mail')
      })
    ).optional(),
    language: z.string().min(2).max(35).optional().describe('Such as en-GB or pt-BR')
  }),
  output: SettingsOut,
  async run({ imap, pop, language }, call) {
    const { context, signal } = call
    if (!imap && !pop && language === undefined)
      throw new ToolError('invalid_argument', 'Give imap, pop or language.')
    if (language !== undefined && !isLanguageTag(language))
      throw new ToolError('invalid_argument', 'language must be a tag such as en-GB (RFC 5646).')
    // Gmail replaces the whole object (PUT), so what is to stay is sent again.
    if (imap) {
      const before = await context.mailbox.call('settings.getImap', {}, signal)
      const requestBody: Imap = { ...before, ...definedOnly(imap) }
      await context.mailbox.call('settings.updateImap', { requestBody }, signal)
    }
    if (pop) {
      const before = await context.mailbox.call('settings.getPop', {}, signal)
      const requestBody: Pop = { ...before, ...definedOnly(pop) }
      await context.mailbox.call('settings.updatePop', { requestBody }, signal)
    }
    if (language !== undefined)
      await context.mailbox.call(
        'settings.updateLanguage',
        { requestBody: { displayLanguage: language } },
        signal
      )
    const settings = await readAll(call)
    return { structured: settings, text: asText(settings) }
  }
})

async function readAll({ context, signal }: ToolCall): Promise<SettingsOut> {
  const unavailable: string[] = []
  /** Some of them are for service accounts of an organisation only; the others are worth showing all the same. */
  const get = async <M extends GmailMethod>(
    name: string,
    method: M,
    params: GmailMethods[M][0]
  ): Promise<GmailMethods[M][1] | undefined> => {
    try {
      return await context.mailbox.call(method, params, signal)
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== 'scope_insufficient') throw error
      unavailable.push(name)
      return undefined
    }
  }
  const [imap, pop, language, auto, forwarding, delegates] = await Promise.all([
    get('imap', 'settings.getImap', {}),
    get('pop', 'settings.getPop', {}),
    get('language', 'settings.getLanguage', {}),
    get('autoForwarding', 'settings.getAutoForwarding', {}),
    get('forwardingAddresses', 'forwardingAddresses.list', {}),
    get('delegates', 'delegates.list', {})
  ])
  const shown = {
    imap: imap && {
      enabled: imap.enabled ?? false,
      autoExpunge: imap.autoExpunge ?? false,
      expungeBehavior: imap.expungeBehavior ?? ''
    },
    pop: pop && { accessWindow: pop.accessWindow ?? '', disposition: pop.disposition ?? '' },
    language: language?.displayLanguage ?? undefined,
    autoForwarding: auto && forwardingOut(auto),
    forwardingAddresses: forwarding && (forwarding.forwardingAddresses ?? []).map(addressOut),
    delegates: delegates && (delegates.delegates ?? []).map(delegateOut)
  }
  return { ...definedOnly(shown), unavailable }
}

const forwardingOut = ({ enabled, emailAddress, disposition }: AutoForwarding) => ({
  enabled: enabled ?? false,
  ...(emailAddress && { to: emailAddress }),
  ...(disposition && { disposition })
})

const addressOut = ({ forwardingEmail, verificationStatus }: ForwardingAddress) => ({
  email: forwardingEmail ?? '',
  verified: verificationStatus === 'accepted'
})

const delegateOut = ({ delegateEmail, verificationStatus }: Delegate) => ({
  email: delegateEmail ?? '',
  status: verificationStatus ?? ''
})

function asText(settings: SettingsOut): string {
  const { imap, pop, language, autoForwarding, forwardingAddresses, delegates } = settings
  const forwards = autoForwarding?.enabled ? `to ${autoForwarding.to ?? 'nobody'}` : 'off'
  const lines = [
    imap && `IMAP: ${imap.enabled ? 'on' : 'off'}, deleted mail: ${imap.expungeBehavior}`,
    pop && `POP: ${pop.accessWindow}, fetched mail: ${pop.disposition}`,
    language && `Language: ${language}`,
    autoForwarding && `Automatic forwarding: ${forwards}`,
    forwardingAddresses &&
      `Forwarding addresses: ${listOf(forwardingAddresses, ({ email, verified }) => (verified ? email : `${email} (not verified)`))}`,
    delegates && `Delegates: ${listOf(delegates, ({ email, status }) => `${email} (${status})`)}`,
    settings.unavailable.length > 0 && `Not readable: ${settings.unavailable.join(', ')}`
  ]
  return lines.filter((line) => line).join('\n')
}

const listOf = <T>(items: readonly T[], line: (item: T) => string): string =>
  items.map(line).join(', ') || 'none'

function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}
