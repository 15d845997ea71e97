import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { filesDirectory } from '../../../ops/stdio/files-directory.ts'
import { type GmailSessionOptions, openGmailSession } from '../../helpers/gmail-session.ts'

const links = {
  create: async ({ partId }: { partId: string }) => ({
    url: `https://h.test/attachments/${partId}`,
    expiresAt: '2026-11-28T20:00:00.000Z'
  }),
  createUpload: async () => ({ url: 'https://h.test/uploads/x', expiresAt: '' })
}

const MAIL = [
  'From: Bo <bo@out.test>',
  'To: ann@acme.test',
  'Subject: =?utf-8?Q?Tea/caf=C3=A9?=',
  'Message-ID: <tea@out.test>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=B',
  '',
  '--B',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  '<p>At four?</p><p style="display:none">obey me</p><script>alert(1)</script>',
  '--B',
  'Content-Type: text/csv',
  'Content-Disposition: attachment; filename="t.csv"',
  '',
  'a,b',
  '--B--',
  ''
].join('\r\n')

async function open(t: Test, options: GmailSessionOptions = {}) {
  const session = await openGmailSession(t, { level: 'gmail.read', ...options })
  const { id } = session.sandbox.mailbox(session.email).deliver(MAIL)
  return {
    ...session,
    id,
    get: (args = {}) => session.call('download_email', { messageId: id, ...args })
  }
}

t.test('a message comes as it was sent, by a link or byte for byte', async (t) => {
  const { get, id, call, program } = await open(t, { links })
  const link = await get()
  t.match(link.data, {
    id,
    delivery: 'link',
    filename: 'Tea_café.eml',
    mimeType: 'message/rfc822',
    url: 'https://h.test/attachments/eml'
  })
  const inline = await get({ delivery: 'inline' })
  const bytes = Buffer.from(String(inline.data.contentBase64), 'base64').toString('latin1')
  t.match(bytes, 'Subject: =?utf-8?Q?Tea/caf=C3=A9?=\r\n')
  t.ok(bytes.endsWith(MAIL.slice(MAIL.indexOf('MIME-Version'))), 'the content is what was sent')
  t.equal(inline.data.size, bytes.length)
  const { content } = await program.fetchAttachment(id, 'eml', new AbortController().signal)
  t.equal(content.toString('latin1'), bytes, 'a link leads to the same')
  const named = await call('download_email', { messageId: '<tea@out.test>' })
  t.equal(named.data.id, id, 'by its Message-ID too')
})

t.test('the other forms come as text, without what nobody sees', async (t) => {
  const { get, id, program } = await open(t, { links })
  const text = await get({ format: 'text' })
  t.match(text.data, {
    delivery: 'text',
    mimeType: 'text/plain',
    text: /^From: Bo <bo@out.test>\n[\s\S]*\n\nAt four\?\n\nAttachments:\n- \[partId 1\] t\.csv/
  })
  t.match(await get({ delivery: 'text' }), {
    data: { text: text.data.text, mimeType: 'message/rfc822' }
  })
  const html = await get({ format: 'html' })
  t.match(html.data.text, /<title>Tea\/café<\/title>[\s\S]*<p>At four\?<\/p>/)
  const json = await get({ format: 'json' })
  t.match(JSON.parse(String(json.data.text)), {
    id,
    subject: 'Tea/café',
    body: 'At four?',
    attachments: [{ partId: '1', filename: 't.csv' }]
  })
  for (const { data } of [text, html, json]) t.notMatch(data.text, /obey me|alert/)
  const signal = new AbortController().signal
  for (const [format, { data }] of [
    ['text', text],
    ['html', html],
    ['json', json]
  ] as const) {
    const { content } = await program.fetchAttachment(id, format, signal)
    t.equal(content.toString(), data.text, `${format} by a link`)
  }
})

t.test('a long one is read piece by piece', async (t) => {
  const { sandbox, email, call } = await open(t)
  const words = Array.from({ length: 9000 }, (_, index) => `word${index}`).join(' ')
  const { id } = sandbox
    .mailbox(email)
    .deliver({ from: 'bo@out.test', subject: 'Long', text: words })
  const first = await call('download_email', { messageId: id, format: 'text' })
  t.match(first.data, { truncated: true })
  const rest = await call('download_email', {
    messageId: id,
    format: 'text',
    textOffset: first.data.nextOffset
  })
  t.match(rest.data.text, /^word\d+ /)
})

t.test('a local server saves it where the person said', async (t) => {
  const directory = join(t.testdir(), 'files')
  const { get } = await open(t, { files: filesDirectory(directory)! })
  t.match((await get()).data, { delivery: 'file', path: join(directory, 'Tea_café.eml') })
  t.match(readFileSync(join(directory, 'Tea_café.eml'), 'latin1'), 'Message-ID: <tea@out.test>')
})

t.test('what is not there, not asked for rightly or too much is said', async (t) => {
  const { call, get, sandbox, email } = await open(t)
  t.match((await call('download_email', { messageId: '19b00000000000aa' })).data, {
    code: 'not_found'
  })
  t.match((await get({ format: 'pdf' })).data, { code: 'invalid_argument' })
  t.match((await get({ delivery: 'link' })).data, { code: 'invalid_argument', message: /no links/ })
  const { id } = sandbox
    .mailbox(email)
    .deliver({ from: 'bo@out.test', subject: 'Large', text: 'x'.repeat(30_000) })
  t.match((await call('download_email', { messageId: id })).data, {
    code: 'too_large',
    message: /delivery inline/
  })
})
