import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import * as z from 'zod'
import { invalid, notFound } from '../google-error.ts'
import type { Mailbox } from '../mailbox/mailbox.ts'
import { defineMethod, type GmailMethod } from './method.ts'
import { ANY_OF } from './scopes.ts'

const millis = z.union([z.string().regex(/^\d+$/), z.int().transform(String)]).optional()

const Vacation = z.strictObject({
  enableAutoReply: z.boolean().default(false),
  responseSubject: z.string().optional(),
  responseBodyPlainText: z.string().optional(),
  responseBodyHtml: z.string().optional(),
  restrictToContacts: z.boolean().default(false),
  restrictToDomain: z.boolean().default(false),
  startTime: millis,
  endTime: millis
})

const Imap = z.strictObject({
  enabled: z.boolean().default(false),
  autoExpunge: z.boolean().default(false),
  expungeBehavior: z.enum(['archive', 'trash', 'deleteForever']).default('archive'),
  maxFolderSize: z.literal([0, 1000, 2000, 5000, 10_000]).default(0)
})

const Pop = z.strictObject({
  accessWindow: z.enum(['disabled', 'fromNowOn', 'allMail']),
  disposition: z.enum(['leaveInInbox', 'archive', 'trash', 'markRead']).default('leaveInInbox')
})

const Language = z.strictObject({ displayLanguage: z.string() })

/** The account's settings that are one object each. */
export const settingsMethods: readonly GmailMethod[] = [
  read('settings.getVacation', 'vacation', ({ vacation }) => vacation),
  read('settings.getImap', 'imap', ({ imap }) => imap),
  read('settings.getPop', 'pop', ({ pop }) => pop),
  read('settings.getLanguage', 'language', ({ language }) => language),
  read('settings.getAutoForwarding', 'autoForwarding', ({ autoForwarding }) => autoForwarding),
  read('settings.forwardingAddresses.list', 'forwardingAddresses', ({ forwardingAddresses }) =>
    forwardingAddresses.length > 0 ? { forwardingAddresses } : {}
  ),
  read('settings.delegates.list', 'delegates', ({ delegates }) =>
    delegates.length > 0 ? { delegates } : {}
  ),
  defineMethod({
    name: 'settings.forwardingAddresses.get',
    verb: 'GET',
    path: 'settings/forwardingAddresses/:forwardingEmail',
    anyOf: ANY_OF.readSettings,
    units: 1,
    serve({ mailbox: { settings }, params }): gmail_v1.Schema$ForwardingAddress {
      const found = settings.forwardingAddresses.find(
        ({ forwardingEmail }) => forwardingEmail === params.forwardingEmail
      )
      if (!found) throw notFound()
      return found
    }
  }),
  defineMethod({
    name: 'settings.updateVacation',
    verb: 'PUT',
    path: 'settings/vacation',
    anyOf: ANY_OF.settings,
    units: 5,
    body: Vacation,
    serve({ mailbox, body }) {
      const { enableAutoReply, responseSubject, responseBodyPlainText, responseBodyHtml } = body
      if (enableAutoReply && !responseSubject && !responseBodyPlainText && !responseBodyHtml) {
        throw invalid('Either the response subject or the response body must be nonempty')
      }
      if (Number(body.startTime ?? 0) > Number(body.endTime ?? Number.POSITIVE_INFINITY)) {
        throw invalid('startTime must precede endTime')
      }
      return write(mailbox, 'vacation', body)
    }
  }),
  defineMethod({
    name: 'settings.updateImap',
    verb: 'PUT',
    path: 'settings/imap',
    anyOf: ANY_OF.settings,
    units: 5,
    body: Imap,
    serve: ({ mailbox, body }) => write(mailbox, 'imap', body)
  }),
  defineMethod({
    name: 'settings.updatePop',
    verb: 'PUT',
    path: 'settings/pop',
    anyOf: ANY_OF.settings,
    units: 100,
    body: Pop,
    serve: ({ mailbox, body }) => write(mailbox, 'pop', body)
  }),
  defineMethod({
    name: 'settings.updateLanguage',
    verb: 'PUT',
    path: 'settings/language',
    anyOf: ANY_OF.settings,
    units: 5,
    body: Language,
    serve({ mailbox, body }) {
      if (!isLanguage(body.displayLanguage)) throw invalid('Invalid display language')
      return write(mailbox, 'language', body)
    }
  })
]

type Settings = Mailbox['settings']

function read(name: string, path: string, select: (settings: Settings) => object): GmailMethod {
  return defineMethod({
    name,
    verb: 'GET',
    path: `settings/${path}`,
    anyOf: ANY_OF.readSettings,
    units: 1,
    serve: ({ mailbox }) => select(mailbox.settings)
  })
}

function write<K extends 'vacation' | 'imap' | 'pop' | 'language'>(
  mailbox: Mailbox,
  key: K,
  value: object
): object {
  const given = Object.entries(value).filter(([, field]) => field !== undefined)
  mailbox.settings = { ...mailbox.settings, [key]: Object.fromEntries(given) }
  mailbox.onChange()
  return mailbox.settings[key]
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}
