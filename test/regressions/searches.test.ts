import t from 'tap'
import { searchHints } from '../../worker/gmail/search-hints.ts'
import { openGmailSession } from '../helpers/gmail-session.ts'
import { gmailOf, rawMail } from '../helpers/sandbox-gmail.ts'

const LABELS = [
  { id: 'Label_1', name: 'Work/Urgent one' },
  { id: 'INBOX', name: 'INBOX' }
]

// support.google.com/mail/answer/7190: what Gmail does not list there it looks for as words, without a word.
t.test('what Gmail passes over in a search is told', (t) => {
  const hints = (query: string) => searchHints(query, LABELS)
  for (const [query, told] of [
    ['frm:priya', /"frm:" is no search operator/],
    ['-frm:priya is:unread', /"frm:"/],
    ['label:nosuchlabel', /no label "nosuchlabel"/],
    ['in:nowhere', /no label "nowhere"/],
    ['is:unred', /is:unred/],
    ['category:spam', /category:spam/],
    ['after:yesterday', /no date that Gmail reads/],
    ['after:2026-01-31T10:00:00Z', /no date that Gmail reads/],
    ['newer_than:2w', /no age that Gmail reads/],
    ['from:a after:2026/01/31', /Pacific time/],
    ['before:1/31/2026', /Pacific time/]
  ] as const)
    t.match(hints(query).join('\n'), told, query)
  for (const query of [
    '',
    'from:priya subject:(re: offer) has:attachment OR larger:5M',
    'label:work-urgent-one label:"Work/Urgent one" label:label_1 in:inbox in:anywhere is:unread',
    '"frm:priya" https://x.test/a 10:30 Re: offer',
    'label:^smartlabel_receipt {from:a from:b} label:(a b)',
    'after:1767222000 newer_than:2d rfc822msgid:a@x.test'
  ])
    t.same(hints(query), [], query)
  t.equal(hints('a:b c:d e:f g:h i:j k:l m:n').length, 5, 'a few suffice')
  t.end()
})

t.test(
  'a search tells it beside what it found, and counts days in the zone that is asked for',
  async (t) => {
    const { sandbox, email, call } = await openGmailSession(t, { empty: true })
    const gmail = gmailOf(sandbox, email, ['https://mail.google.com/'])
    // 31 January in Tokyo, 30 January in California and in Greenwich.
    await gmail('POST messages?internalDateSource=dateHeader', {
      raw: rawMail(
        'From: bo@out.test',
        'Date: Fri, 30 Jan 2026 20:00:00 +0000',
        'Subject: early',
        '',
        'x'
      )
    })
    const args = { query: '', after: '2026-01-31', before: '2026-02-01' }
    const tokyo = await call('search_emails', { ...args, timeZone: 'Asia/Tokyo' })
    t.match(tokyo.data, { emails: [{ subject: 'early' }] })
    t.match((await call('search_threads', { ...args, timeZone: 'Asia/Tokyo' })).data, {
      threads: [{ subject: 'early' }]
    })
    const starred = { ...args, query: 'early', addLabelIds: ['STARRED'], dryRun: true }
    for (const [timeZone, requested] of [
      ['Asia/Tokyo', 1],
      ['UTC', 0]
    ] as const)
      t.match((await call('batch_modify_emails', { ...starred, timeZone })).data, { requested })
    t.match((await call('search_emails', { ...args, timeZone: 'UTC' })).data, { emails: [] })
    t.match((await call('search_emails', args)).data, { code: 'invalid_argument' })
    for (const name of ['search_emails', 'search_threads']) {
      const odd = await call(name, { query: 'frm:priya label:nosuch after:2026/01/31' })
      t.match(odd.data, { hints: [/frm:/, /nosuch/, /Pacific/] })
      for (const word of [/frm:/, /nosuch/, /Pacific/]) t.match(odd.text, word)
    }
    const change = { addLabelIds: ['STARRED'], query: 'frm:priya', dryRun: true }
    t.match((await call('batch_modify_emails', change)).data, { requested: 0, hints: [/frm:/] })
    t.match((await call('list_drafts', { query: 'label:nosuch' })).text, /no label "nosuch"/)
    t.notOk('hints' in (await call('search_emails', { query: 'early' })).data)
  }
)
