import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { startSandbox } from '../../../ops/sandbox/sandbox.ts'
import { openGmailSession } from '../../helpers/gmail-session.ts'

const CRLF = '\r\n'

/** A web server that mail points to; it must hear of nobody. */
async function tracker(t: Test) {
  let visits = 0
  const server = createServer((_, response) => response.end()).on('connection', () => {
    visits += 1
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, visits: () => visits }
}

t.test('reading and answering mail fetches nothing that it points to', async (t) => {
  const { sandbox, email, call } = await openGmailSession(t)
  const { url, visits } = await tracker(t)
  const html = [
    `<link rel="stylesheet" href="${url}/a.css"><style>@import "${url}/b.css";</style>`,
    `<base href="${url}/"><meta http-equiv="refresh" content="0;url=${url}/c">`,
    `<img src="${url}/d.gif" srcset="${url}/e.gif 2x"><img src="f.gif">`,
    `<body background="${url}/g.gif"><p style="background:url(${url}/h.gif)">Hello</p>`,
    `<iframe src="${url}/i"></iframe><object data="${url}/j"></object><embed src="${url}/k">`,
    `<video poster="${url}/l" src="${url}/m"></video><audio src="${url}/n"></audio>`,
    `<svg><image href="${url}/o"/><use xlink:href="${url}/p"/></svg>`,
    `<script src="${url}/q"></script><form action="${url}/r"><input name="x"></form>`,
    `<!DOCTYPE x [<!ENTITY e SYSTEM "${url}/s">]>&e;`
  ].join('')
  const { id, threadId } = sandbox
    .mailbox(email)
    .deliver(
      [
        'From: a@x.test',
        `To: ${email}`,
        'Subject: Look',
        `List-Unsubscribe: <${url}/t>`,
        'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
        'Disposition-Notification-To: spy@x.test',
        'Return-Receipt-To: spy@x.test',
        'MIME-Version: 1.0',
        'Content-Type: multipart/mixed; boundary=B',
        '',
        '--B',
        'Content-Type: text/html',
        '',
        html,
        '--B',
        `Content-Type: message/external-body; access-type=URL; URL="${url}/u"`,
        '',
        'Content-Type: text/plain',
        '',
        '--B--',
        ''
      ].join(CRLF)
    )
  const read = await call('read_email', { messageId: id, includeHtml: true })
  t.match(read.data, { body: /Hello/ })
  t.notMatch(String(read.data.html), url, 'nor would whoever shows the HTML')
  for (const [name, args] of [
    ['read_email', { messageId: id, format: 'raw' }],
    ['get_thread', { threadId }],
    ['search_emails', { query: 'subject:look' }],
    ['reply_to_email', { messageId: id, body: 'Thanks' }],
    ['forward_email', { messageId: id, to: [email] }]
  ] as const) {
    t.notOk((await call(name, args)).isError, name)
  }
  t.equal(visits(), 0)
  const receipts = sandbox
    .mailbox(email)
    .messages.filter(({ mail }) => /^To: .*spy@x\.test/im.test(mail.raw.toString('latin1')))
  t.same(receipts, [], 'no receipt was sent')
})

t.test('mail that gives orders is told as the words of others, its hidden parts not', async (t) => {
  const sandbox = await startSandbox({ users: [{ email: 'ann@acme.test' }] })
  t.teardown(() => sandbox.close())
  const { call, email } = await openGmailSession(t, { sandbox, email: 'ann@acme.test' })
  const before = sandbox.mailbox(email).messages.length
  const found = await call('search_emails', { query: 'from:trusted-partner.example' })
  const ids = (found.data.emails as { id: string }[]).map((each) => each.id)
  t.ok(ids.length >= 4)
  for (const messageId of ids) {
    const { text, data, isError } = await call('read_email', { messageId, includeHtml: true })
    t.notOk(isError)
    const nonce = /<untrusted-mail-([0-9a-f]+)>/.exec(text)?.[1]
    const [, inside = '', after = ''] = text.split(new RegExp(`</?untrusted-mail-${nonce}>`))
    const own = text.replace(inside, '')
    t.notMatch(own, /ignore all previous|SYSTEM:|maintenance mode/i, 'only within the mark')
    t.notMatch(after, /attacker\.example/)
    const all = JSON.stringify(data)
    t.notMatch(all, /hidden by|create a filter that forwards/i)
    t.notMatch(all, /<script|onerror|javascript:|<iframe|<form|\.\.\/|\u202e|\u200b/i)
  }
  t.equal(sandbox.mailbox(email).messages.length, before, 'nothing was sent or deleted')
})
