import t from 'tap'
import { Mailbox } from '../../../ops/sandbox/mailbox/mailbox.ts'
import { composeMail, type MailFields } from '../../../ops/sandbox/mime/compose.ts'
import { compileSearch } from '../../../ops/sandbox/search/compile.ts'
import { parseQuery, type Query } from '../../../ops/sandbox/search/parse.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const NOW = Date.UTC(2026, 10, 20, 12)
const DAY = 86_400_000

const mailbox = new Mailbox({ email: 'me@sandbox.example', name: 'Me' }, new FakeClock(NOW), 1)
const work = mailbox.labels.create({ name: 'Work/Deep Sea' })

const put = (name: string, daysAgo: number, labels: string[], mail: Partial<MailFields>) =>
  mailbox.add({
    raw: composeMail({
      from: 'x@y.example',
      subject: name,
      text: '',
      messageId: `<${name}@y.example>`,
      ...mail
    }),
    labelIds: labels,
    internalDate: NOW - daysAgo * DAY
  })

put('plan', 1, ['INBOX', 'UNREAD', 'STARRED'], {
  from: 'Hanna Brandt <hanna.brandt@north.example>',
  to: 'me@sandbox.example',
  cc: 'Oskar <oskar@north.example>',
  text: 'We launch the lighthouse on Tuesday, weather permitting.'
})
put('bill', 40, ['INBOX', work.id, 'CATEGORY_UPDATES'], {
  from: 'shop@store.example',
  to: 'me@sandbox.example',
  text: 'Invoice enclosed',
  attachments: [
    { filename: 'Invoice_2026.pdf', mimeType: 'application/pdf', content: 'x'.repeat(30_000) }
  ],
  headers: { 'List-Id': 'Store <news.store.example>' }
})
put('mine', 400, ['SENT', 'IMPORTANT'], {
  from: 'me@sandbox.example',
  to: 'hanna.brandt@north.example',
  bcc: 'boss@north.example'
})
put('会議', 2, ['INBOX'], { text: '水曜日の会議は午後三時からです。' })
put('junk', 3, ['SPAM'], { text: 'lighthouse for sale' })
put('gone', 3, ['TRASH'], { headers: { 'Delivered-To': 'me+lists@sandbox.example' } })
put('archived', 5, [], { html: '<p>Hello <b>Ωμέγα</b></p>' })

/** The subjects of what is found, newest first, without spam and trash unless the query reaches them. */
const find = (query: string) => {
  const { matches, reachesSpamTrash } = compileSearch(query, mailbox, NOW)
  return mailbox.messages
    .filter(({ labelIds }) => reachesSpamTrash || !(labelIds.has('SPAM') || labelIds.has('TRASH')))
    .filter(matches)
    .map(({ mail }) => mail.subject)
    .join(' ')
}

const EVERYTHING = 'plan 会議 archived bill mine'

t.test('each operator finds what it says', async (t) => {
  const cases: Record<string, string> = {
    '': EVERYTHING,
    'from:hanna': 'plan',
    'from:hanna.brandt@north.example': 'plan',
    'from:north.example': 'plan',
    'from:"Hanna Brandt"': 'plan',
    'from:han': '',
    'from:me': 'mine',
    'to:me': 'plan bill',
    'to:oskar': 'plan',
    'cc:oskar': 'plan',
    'bcc:boss': 'mine',
    'deliveredto:me+lists@sandbox.example in:trash': 'gone',
    'subject:PLAN': 'plan',
    'label:work-deep-sea': 'bill',
    'label:"Work/Deep Sea"': 'bill',
    [`label:${work.id}`]: 'bill',
    'label:nowhere': '',
    'in:inbox': 'plan 会議 bill',
    'in:sent': 'mine',
    'in:spam': 'junk',
    'in:anywhere lighthouse': 'plan junk',
    'in:archive': 'archived',
    'is:unread': 'plan',
    'is:read': '会議 archived bill mine',
    'is:starred': 'plan',
    'is:important': 'mine',
    'has:attachment': 'bill',
    'has:userlabels': 'bill',
    'has:nouserlabels is:starred': 'plan',
    'filename:pdf': 'bill',
    'filename:.pdf': 'bill',
    'filename:Invoice_2026.pdf': 'bill',
    'filename:invoice': 'bill',
    'category:updates': 'bill',
    'list:news.store.example': 'bill',
    'after:2026/11/18': 'plan 会議',
    'before:2026-11-18': 'archived bill mine',
    'newer:11/19/2026': 'plan',
    'older:2026/01/01': 'mine',
    [`after:${Math.floor((NOW - 1.5 * DAY) / 1000)}`]: 'plan',
    'newer_than:2d': 'plan 会議',
    'older_than:1m': 'bill mine',
    'older_than:1y': 'mine',
    'larger:10K': 'bill',
    'smaller:10k in:inbox': 'plan 会議',
    'size:30000': 'bill',
    'larger:1M': '',
    'rfc822msgid:bill@y.example': 'bill',
    'rfc822msgid:<bill@y.example>': 'bill',
    'rfc822msgid:none@y.example': ''
  }
  for (const [query, found] of Object.entries(cases))
    t.equal(find(query), found, query || '(empty)')
})

t.test(
  'words are whole words, phrases are in order, and scripts without blanks match anywhere',
  async (t) => {
    const cases: Record<string, string> = {
      lighthouse: 'plan',
      light: '',
      'TUESDAY lighthouse': 'plan',
      '"lighthouse on tuesday"': 'plan',
      '"tuesday on lighthouse"': '',
      会議: '会議',
      午後三時: '会議',
      ωμέγα: 'archived',
      invoice_2026: 'bill',
      'unknownop:launch': '',
      'subject:(plan bill)': '',
      'subject:{plan bill}': 'plan bill'
    }
    for (const [query, found] of Object.entries(cases)) t.equal(find(query), found, query)
  }
)

t.test('terms combine as in Gmail', async (t) => {
  const cases: Record<string, string> = {
    'subject:plan OR subject:bill': 'plan bill',
    'subject:plan | subject:bill': 'plan bill',
    '{subject:plan subject:bill}': 'plan bill',
    'in:inbox -is:unread': '会議 bill',
    'in:inbox -{subject:plan subject:bill}': '会議',
    'in:inbox AND has:attachment': 'bill',
    'in:inbox subject:plan OR subject:bill is:unread': 'plan',
    '(subject:plan is:unread) OR is:important': 'plan mine',
    'from:(hanna OR shop)': 'plan bill',
    '-(in:inbox OR in:sent)': 'archived',
    '((subject:plan': 'plan',
    'subject:plan)': 'plan',
    OR: EVERYTHING,
    '-': EVERYTHING,
    '""': EVERYTHING,
    '-in:spam lighthouse': 'plan'
  }
  for (const [query, found] of Object.entries(cases)) t.equal(find(query), found, query)
  const term = (value: string): Query => ({ kind: 'term', field: '', value, isExact: false })
  t.same(parseQuery('a OR b c'), {
    kind: 'and',
    terms: [{ kind: 'or', terms: [term('a'), term('b')] }, term('c')]
  })
})

t.test('no query is too strange or too deep', async (t) => {
  const strange = [
    '('.repeat(5000),
    '-'.repeat(5000),
    `${'{'.repeat(300)}x`,
    'from:from:from:',
    ':',
    '"',
    '\u0000',
    'a:'.repeat(5000)
  ]
  for (const query of strange) t.type(find(query), 'string')
})

t.test('an index answers rfc822msgid without looking at every message', async (t) => {
  const search = compileSearch('rfc822msgid:<bill@y.example> in:inbox', mailbox, NOW)
  t.equal(search.candidates?.length, 1)
  t.equal(compileSearch('in:inbox', mailbox, NOW).candidates, undefined)
})
