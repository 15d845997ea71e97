import { createHash } from 'node:crypto'
import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { openOneMailbox } from '../helpers/one-mailbox.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const ADA = 'ada@sandbox.example'
const CONTENT = Buffer.alloc(60_000, 'attached ')
const MAIL = [
  'From: Bea <bea@elsewhere.example>',
  `To: ${ADA}`,
  'Subject: The report',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'See the file.',
  '--b',
  'Content-Type: text/html; name="../../étude (1).html"',
  'Content-Disposition: attachment; filename="../../etude (1).html"',
  'Content-Transfer-Encoding: base64',
  '',
  CONTENT.toString('base64'),
  '--b--',
  ''
].join('\r\n')

t.test('a link gives an attachment to whoever has it, once, and to be saved only', async (t) => {
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  const gateway = await startGateway({ google })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  const { id: messageId } = google.mailbox(ADA).deliver(MAIL)
  const call = async (args: object) => {
    const params = { name: 'download_attachment', arguments: { messageId, ...args } }
    const response = await fetch(gateway.url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${gateway.token}`,
        'content-type': 'application/json'
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
    })
    const [, data = ''] = /^data: (.*)$/m.exec(await response.text()) ?? []
    return JSON.parse(data).result.structuredContent as Record<string, string>
  }

  const link = await call({ partId: '1', delivery: 'link' })
  t.match(link, { delivery: 'link', url: `${gateway.origin}/attachments/` })
  t.equal((await fetch(link.url!, { method: 'HEAD' })).status, 200, 'robots look, and take nothing')
  t.equal((await fetch(link.url!, { method: 'HEAD' })).status, 200)
  const response = await fetch(link.url!)
  t.equal(response.status, 200)
  const content = Buffer.from(await response.arrayBuffer())
  t.equal(sha256(content), sha256(CONTENT), 'it is the content')
  t.equal(response.headers.get('content-type'), 'application/octet-stream', 'HTML is not shown')
  t.match(response.headers.get('content-disposition'), /^attachment; filename\*=UTF-8''[^/\\]+$/)
  t.equal(response.headers.get('x-content-type-options'), 'nosniff')

  t.equal((await fetch(link.url!)).status, 404, 'a second time it gives nothing')
  t.equal((await fetch(link.url!, { method: 'HEAD' })).status, 404)
  t.equal((await fetch(`${gateway.origin}/attachments/${'a'.repeat(43)}`)).status, 404)

  const stale = await call({ partId: '1', delivery: 'link' })
  google.revokeGrants(ADA)
  google.expireAccessTokens(ADA)
  const refused = await fetch(stale.url!)
  t.not(refused.status, 200, 'without a grant there is no content')
  t.notMatch(await refused.text(), 'attached')
})

t.test('a whole message comes by such a link, until the token behind it ends', async (t) => {
  const { gateway, mailbox, call } = await openOneMailbox(t)
  const { id: messageId } = mailbox.deliver(MAIL)
  const link = async () => String((await call('download_email', { messageId })).url)

  const first = await link()
  t.equal((await fetch(first, { method: 'HEAD' })).status, 200, 'a preview takes nothing')
  const response = await fetch(first)
  t.match(response.headers.get('content-disposition'), "filename*=UTF-8''The%20report.eml")
  const text = await response.text()
  t.ok(text.endsWith(MAIL.slice(MAIL.indexOf('MIME-Version'))), 'it is the message')
  t.equal((await fetch(first)).status, 404, 'a second time it gives nothing')

  const second = await link()
  const [user] = gateway.users
  await gateway.admin('POST', `/admin/users/${user?.sub}/block`)
  t.not((await fetch(second)).status, 200, 'with its token a link ends')
})

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
