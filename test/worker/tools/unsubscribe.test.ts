import t, { type Test } from 'tap'
import type { UnsubscribeAnswer } from '#shared/worker-protocol.ts'
import { waysOut } from '../../../worker/gmail/list-unsubscribe.ts'
import { type GmailSessionOptions, openGmailSession } from '../../helpers/gmail-session.ts'

const PROOF =
  'Authentication-Results: mx.google.com; dkim=pass header.i=@elsewhere.example header.s=s1; spf=pass'
const SIGNED =
  'DKIM-Signature: v=1; a=rsa-sha256; d=elsewhere.example; s=s1; h=From:Subject:List-Unsubscribe:List-Unsubscribe-Post; bh=x; b=y'
const POST = 'List-Unsubscribe-Post: List-Unsubscribe=One-Click'
const BOTH =
  'List-Unsubscribe: <https://news.test/leave?id=7>, <mailto:leave@news.test?subject=Leave%207>'
const ID = 'List-Id: The News <list.news.test>'

const mail = (...header: string[]) =>
  [...header, 'From: News <letters@news.test>', 'Subject: News', '', 'Words.', ''].join('\r\n')

/** A session whose requests to lists are told and answered so. */
async function open(
  t: Test,
  answer: UnsubscribeAnswer = { outcome: 'answered', status: 200 },
  options: GmailSessionOptions = {}
) {
  const posted: string[] = []
  const session = await openGmailSession(t, {
    level: 'gmail.modify',
    unsubscribe: async (url) => {
      posted.push(url)
      return answer
    },
    ...options
  })
  const box = session.sandbox.mailbox(session.email)
  const leave = (...header: string[]) => {
    const { id } = box.deliver(mail(...header))
    return session.call('unsubscribe_email', { messageId: id, confirm: true })
  }
  return { ...session, box, posted, leave }
}

t.test(
  'a list of which the mail is proved is left by one request, when the person agrees',
  async (t) => {
    const { box, call, posted } = await open(t)
    const { id } = box.deliver(mail(PROOF, SIGNED, BOTH, POST, ID))
    t.match((await call('unsubscribe_email', { messageId: id })).data, { code: 'declined' })
    const planned = await call('unsubscribe_email', { messageId: id, dryRun: true })
    t.match(planned.data, { dryRun: true, lists: [{ method: 'oneClick', status: 'planned' }] })
    t.same(posted, [])
    const done = await call('unsubscribe_email', {
      messageId: id,
      confirm: true,
      alsoArchive: true
    })
    t.match(done.data, {
      lists: [
        {
          messageId: id,
          from: 'News <letters@news.test>',
          list: 'The News <list.news.test>',
          messages: 1,
          method: 'oneClick',
          status: 'unsubscribed',
          host: 'news.test',
          httpStatus: 200
        }
      ],
      moved: 1
    })
    t.same(posted, ['https://news.test/leave?id=7'])
    t.notOk(box.message(id)?.labelIds.has('INBOX'))
  }
)

t.test(
  'without that proof no request is made: a mail is drafted, or there is a link',
  async (t) => {
    const { leave, posted, call } = await open(t)
    for (const header of [
      [SIGNED.replace('d=elsewhere.example', 'd=other.test'), BOTH, POST],
      // What stands below Gmail's own is the sender's.
      [
        PROOF.replace('elsewhere.example', 'news.test'),
        SIGNED.replace('elsewhere.example', 'news.test'),
        BOTH,
        POST
      ],
      [SIGNED, BOTH]
    ]) {
      const { data } = await leave(...header)
      t.match(data.lists, [{ method: 'mailto', status: 'drafted', host: 'news.test' }])
    }
    t.same(posted, [])
    const { data: saved } = await leave(PROOF, SIGNED, BOTH)
    const { draftId } = Object(saved.lists)[0]
    const draft = await call('get_draft', { draftId })
    t.match(draft.data, { to: ['leave@news.test'], subject: 'Leave 7', body: 'unsubscribe' })

    const { data: open1 } = await leave('List-Unsubscribe: <http://news.test/leave>')
    t.match(open1.lists, [{ method: 'link', status: 'openLink', url: 'http://news.test/leave' }])
    for (const nothing of [
      'X-Nothing: 1',
      'List-Unsubscribe: <mailto:a@b.test,victim@c.test>',
      'List-Unsubscribe: <ftp://news.test/x>, <https://user:pass@news.test/x>'
    ])
      t.match(
        (await leave(nothing)).data.lists,
        [{ method: 'none', status: 'impossible' }],
        nothing
      )
  }
)

t.test('proved is what Gmail itself found signed by the domain, with both fields', (t) => {
  const ways = (...header: string[]) =>
    waysOut({
      payload: {
        headers: header.map((line) => {
          const at = line.indexOf(':')
          return { name: line.slice(0, at), value: line.slice(at + 1).trim() }
        })
      }
    })
  const url = 'https://news.test/leave?id=7'
  t.match(ways(PROOF, SIGNED, BOTH, POST), {
    oneClick: url,
    link: url,
    mailto: { to: 'leave@news.test' }
  })
  t.match(ways(PROOF.replace('i=@', 'd='), SIGNED, BOTH, POST), { oneClick: url })
  for (const header of [
    [SIGNED, BOTH, POST],
    [PROOF.replace('dkim=pass', 'dkim=fail'), SIGNED, BOTH, POST],
    [PROOF.replace('mx.google.com', 'mx.evil.test'), SIGNED, BOTH, POST],
    ['Authentication-Results: mx.google.com; dkim=none', PROOF, SIGNED, BOTH, POST],
    [PROOF.replace('dkim=pass', 'spf=pass (x; dkim=pass)'), SIGNED, BOTH, POST],
    [PROOF, SIGNED.replace('d=elsewhere.example', 'd=other.test'), BOTH, POST],
    [PROOF, SIGNED.replace(':List-Unsubscribe-Post', ''), BOTH, POST]
  ])
    t.match(ways(...header), { oneClick: undefined, whyNot: /DKIM/, link: url }, header.join('\n'))
  t.match(ways(PROOF, SIGNED, BOTH), { oneClick: undefined, whyNot: undefined })
  const plain = ways(PROOF, SIGNED, BOTH.replace('https:', 'http:'), POST)
  t.match(plain, { oneClick: undefined, link: 'http://news.test/leave?id=7' })
  t.end()
})

t.test(
  'a server that refuses, leads elsewhere or is not there is told, with the link',
  async (t) => {
    for (const [answer, told] of [
      [
        { outcome: 'answered', status: 302 },
        { httpStatus: 302, why: /refused/ }
      ],
      [{ outcome: 'answered', status: 500 }, { httpStatus: 500 }],
      [{ outcome: 'unreachable' }, { why: /public address/ }],
      [{ outcome: 'busy' }, { why: /later/ }]
    ] as const) {
      const { leave } = await open(t, answer)
      const { data } = await leave(PROOF, SIGNED, BOTH, POST)
      t.match(data.lists, [{ status: 'failed', url: 'https://news.test/leave?id=7', ...told }])
      t.equal(data.moved, 0)
    }
  }
)

t.test('of a search each list is left once, after a look at what that would do', async (t) => {
  const { box, call, posted } = await open(t)
  for (const each of [1, 2, 3])
    box.deliver(mail(PROOF, SIGNED, BOTH.replace('id=7', `id=${each}`), POST, ID))
  box.deliver({ from: 'Shop <shop@out.test>', subject: 'News', text: 'x' })
  const args = { query: 'subject:News', alsoTrash: true }
  const { data, text } = await call('unsubscribe_email', { ...args, dryRun: true })
  t.match(data, { lookedAt: 4, dryRun: true, moved: 0 })
  t.same(
    Object(data.lists).map(({ method, messages }: Record<string, unknown>) => [method, messages]),
    [
      ['none', 1],
      ['oneClick', 3]
    ]
  )
  t.match(text, /Dry run: nothing was done/)
  const done = await call('unsubscribe_email', { ...args, confirm: true })
  t.match(done.data, { moved: 3 })
  t.same(posted, ['https://news.test/leave?id=3'], 'by the latest message')
  t.equal(box.messages.filter(({ labelIds }) => labelIds.has('TRASH')).length, 3)
})

t.test('a method can be chosen, and wrong calls are told', async (t) => {
  const { box, call, posted, sandbox } = await open(t)
  const { id } = box.deliver(mail(PROOF, SIGNED, BOTH, POST))
  const by = (method: string) => call('unsubscribe_email', { messageId: id, method, confirm: true })
  t.match((await by('linkOnly')).data.lists, [{ method: 'link', status: 'openLink' }])
  t.match((await by('mailto')).data.lists, [{ method: 'mailto', status: 'drafted' }])
  t.same(posted, [])
  t.match((await by('oneClick')).data.lists, [{ status: 'unsubscribed' }])
  for (const wrong of [{}, { messageId: id, query: 'x' }, { query: 'x', maxMessages: 101 }])
    t.match((await call('unsubscribe_email', wrong)).data, { code: 'invalid_argument' })
  const local = await openGmailSession(t, { sandbox, level: 'gmail.modify' })
  const { data } = await local.call('unsubscribe_email', { messageId: id })
  t.match(data.lists, [{ method: 'mailto', why: /makes no such requests/ }], 'without a gateway')
})
