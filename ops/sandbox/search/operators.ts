import type { Mailbox } from '../mailbox/mailbox.ts'
import type { StoredMessage } from '../mailbox/stored-message.ts'
import { parseAge, parseDate, parseSize } from './dates.ts'
import { hasWords, wordForm } from './words.ts'

export type Predicate = (message: StoredMessage) => boolean

export interface SearchContext {
  readonly mailbox: Mailbox
  /** Milliseconds since the epoch. */
  readonly now: number
}

type Operator = (value: string, context: SearchContext) => Predicate

/** Gmail's search operators. Each reads its value once and answers with a test for messages. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  from: people('From'),
  to: people('To', 'Cc', 'Bcc'),
  cc: people('Cc'),
  bcc: people('Bcc'),
  deliveredto: people('Delivered-To'),
  list: (value) => {
    const wanted = value.toLowerCase()
    return ({ mail }) => (mail.header('List-Id') ?? '').toLowerCase().includes(wanted)
  },
  subject:
    (value) =>
    ({ mail }) =>
      hasWords(wordForm(mail.subject), value),
  label: (value, { mailbox }) =>
    labelled(mailbox.labels.named(value)?.id ?? PLACES[value.toLowerCase()]),
  in: (value, { mailbox }) => inPlace(value, mailbox),
  is: (value) => STATES[value.toLowerCase()] ?? none,
  has: (value) => POSSESSIONS[value.toLowerCase()] ?? none,
  category: (value) => labelled(CATEGORIES[value.toLowerCase()]),
  filename: (value) => {
    const wanted = value.toLowerCase()
    return ({ mail }) => mail.filenames.some((name) => fileMatches(name.toLowerCase(), wanted))
  },
  before: (value) => earlier(parseDate(value)),
  older: (value) => earlier(parseDate(value)),
  after: (value) => later(parseDate(value)),
  newer: (value) => later(parseDate(value)),
  older_than: (value, { now }) => earlier(parseAge(value, now)),
  newer_than: (value, { now }) => later(parseAge(value, now)),
  larger: (value) => larger(parseSize(value)),
  size: (value) => larger(parseSize(value)),
  smaller: (value) => {
    const size = parseSize(value)
    return size === undefined ? none : ({ mail }) => mail.raw.length < size
  },
  rfc822msgid: (value, { mailbox }) => {
    const found = new Set(mailbox.byMessageId(`<${value.replace(/^<|>$/g, '')}>`))
    return (message) => found.has(message)
  }
}

const none: Predicate = () => false
const all: Predicate = () => true

/** Labels by the names that people use for places. */
const PLACES: Readonly<Record<string, string>> = {
  inbox: 'INBOX',
  sent: 'SENT',
  draft: 'DRAFT',
  drafts: 'DRAFT',
  trash: 'TRASH',
  bin: 'TRASH',
  spam: 'SPAM',
  junk: 'SPAM',
  starred: 'STARRED',
  important: 'IMPORTANT',
  chats: 'CHAT',
  unread: 'UNREAD'
}

const CATEGORIES: Readonly<Record<string, string>> = {
  primary: 'CATEGORY_PERSONAL',
  personal: 'CATEGORY_PERSONAL',
  social: 'CATEGORY_SOCIAL',
  promotions: 'CATEGORY_PROMOTIONS',
  updates: 'CATEGORY_UPDATES',
  forums: 'CATEGORY_FORUMS'
}

const STATES: Readonly<Record<string, Predicate>> = {
  unread: labelled('UNREAD'),
  read: ({ labelIds }) => !labelIds.has('UNREAD'),
  starred: labelled('STARRED'),
  important: labelled('IMPORTANT'),
  sent: labelled('SENT'),
  draft: labelled('DRAFT')
}

const isUserLabel = (id: string) => id.startsWith('Label_')

const POSSESSIONS: Readonly<Record<string, Predicate>> = {
  attachment: ({ mail }) => mail.hasAttachment,
  userlabels: ({ labelIds }) => [...labelIds].some(isUserLabel),
  nouserlabels: ({ labelIds }) => ![...labelIds].some(isUserLabel),
  'yellow-star': labelled('STARRED'),
  drive: ({ mail }) => mail.text.includes('https://drive.google.com/'),
  document: ({ mail }) => mail.text.includes('https://docs.google.com/document/'),
  spreadsheet: ({ mail }) => mail.text.includes('https://docs.google.com/spreadsheets/'),
  presentation: ({ mail }) => mail.text.includes('https://docs.google.com/presentation/'),
  youtube: ({ mail }) => /https:\/\/(www\.youtube\.com|youtu\.be)\//.test(mail.text)
}

function inPlace(value: string, mailbox: Mailbox): Predicate {
  const place = value.toLowerCase()
  if (place === 'anywhere') return all
  if (place === 'archive') {
    const elsewhere = ['INBOX', 'SENT', 'DRAFT', 'TRASH', 'SPAM']
    return ({ labelIds }) => !elsewhere.some((id) => labelIds.has(id))
  }
  return labelled(PLACES[place] ?? mailbox.labels.named(value)?.id)
}

function labelled(id: string | undefined): Predicate {
  return id === undefined ? none : ({ labelIds }) => labelIds.has(id)
}

/** By whole address, by domain, or by words of the name or address; `me` is the owner. */
function people(...fields: string[]): Operator {
  return (value, { mailbox }) => {
    const wanted = value.toLowerCase()
    const addresses = wanted === 'me' ? mailbox.ownAddresses : [wanted]
    const isAddress = /^[^\s@]+@[^\s@]+$/.test(addresses[0] ?? '')
    return ({ mail }) =>
      mail
        .addresses(...fields)
        .some(({ name, address }) =>
          isAddress ? addresses.includes(address) : hasWords(wordForm(`${name} ${address}`), value)
        )
  }
}

const fileMatches = (name: string, wanted: string) =>
  name === wanted ||
  name.endsWith(`.${wanted.replace(/^\./, '')}`) ||
  hasWords(wordForm(name.replaceAll('_', ' ')), wanted.replaceAll('_', ' '))

const earlier = (at: number | undefined): Predicate =>
  at === undefined ? none : ({ internalDate }) => internalDate < at
const later = (at: number | undefined): Predicate =>
  at === undefined ? none : ({ internalDate }) => internalDate >= at
const larger = (size: number | undefined): Predicate =>
  size === undefined ? none : ({ mail }) => mail.raw.length > size
