import { createHash, randomBytes } from 'node:crypto'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const ADA = 'ada@sandbox.example'
const BEN = 'ben@sandbox.example'
const FILE = randomBytes(9_000_000) // more than a call may carry

const google = await startSandbox({
  users: [
    { email: ADA, empty: true },
    { email: BEN, empty: true }
  ]
})
const gateway = await startGateway({ google })
t.teardown(async () => {
  await gateway.close()
  await google.close()
})

async function connect(token: string | undefined) {
  const client = new Client({ name: 'test', version: '1' })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url), { requestInit }))
  t.teardown(() => client.close())
  const call = async (name: string, args: Record<string, unknown>) => {
    const { isError, structuredContent } = await client.callTool({ name, arguments: args })
    return { isError, ...Object(structuredContent) }
  }
  const place = async (size: number): Promise<{ uploadId: string; url: string }> =>
    call('create_attachment_upload', { filename: 'f.bin', size })
  const send = (uploadId: string, subject = 'File') =>
    call('send_email', {
      to: [BEN],
      subject,
      body: 'Here.',
      attachments: [{ uploadId }]
    })
  return { place, send, call }
}

const put = (url: string, body: RequestInit['body'], duplex?: 'half') =>
  fetch(url, { method: 'PUT', body, ...(duplex && { duplex }) } as RequestInit)

/** The same, again until gateway and worker have seen that the one before is over (409). */
async function putInTurn(url: string, body: () => RequestInit['body'], duplex?: 'half') {
  let answer = await put(url, body(), duplex)
  while (answer.status === 409) answer = await put(url, body(), duplex)
  return answer
}

const streamOf = (...chunks: Uint8Array[]): ReadableStream =>
  ReadableStream.from(
    (async function* () {
      yield* chunks
    })()
  )

t.test('a file goes from a program to a message without passing through the model', async (t) => {
  const ada = await connect(gateway.users[0]?.token)
  const { url, uploadId } = await ada.place(FILE.length)
  t.ok(url.startsWith(`${gateway.origin}/uploads/`))
  for (const method of ['HEAD', 'GET', 'HEAD'])
    t.equal((await fetch(url, { method })).status, 200, 'looking takes nothing')
  t.equal((await put(url, 'short')).status, 400, 'not what was announced')
  t.equal((await put(url, new Uint8Array(FILE.length + 1))).status, 413)
  const long = await putInTurn(url, () => streamOf(FILE, FILE), 'half')
  t.equal(long.status, 413, 'whatever it does not say')
  const short = await putInTurn(url, () => streamOf(FILE.subarray(1)), 'half')
  t.equal(short.status, 400)
  const leaves = new AbortController()
  const stuck = fetch(url, {
    method: 'PUT',
    duplex: 'half',
    signal: leaves.signal,
    body: ReadableStream.from(
      (async function* () {
        yield FILE.subarray(0, 100_000)
        leaves.abort()
        await new Promise(() => {})
      })()
    )
  } as RequestInit)
  await t.rejects(stuck)

  const answer = await putInTurn(url, () => FILE)
  t.equal(answer.status, 201)
  t.match(await answer.text(), createHash('sha256').update(FILE).digest('hex'))
  t.equal((await put(url, FILE)).status, 201, 'the same file again, if its sender has not heard')
  t.equal((await put(url, Buffer.from(FILE).fill(0, 0, 9))).status, 400, 'no other one')

  const ben = await connect(gateway.users[1]?.token)
  t.match(await ben.send(uploadId), { isError: true, code: 'not_found' }, "nobody else's message")
  t.notOk((await ada.send(uploadId)).isError)
  const message = google.mailbox(BEN).bySubject('File')
  const file = await ben.call('download_attachment', {
    messageId: message?.id,
    filename: 'f.bin',
    delivery: 'link'
  })
  const content = Buffer.from(await (await fetch(String(file.url))).arrayBuffer())
  t.ok(content.equals(FILE), 'and it is the file')
})

t.test('an address is good for as long as the token that it was made with', async (t) => {
  const ben = await connect(gateway.users[1]?.token)
  const { url } = await ben.place(5)
  t.equal((await put(`${gateway.origin}/uploads/${'a'.repeat(43)}`, 'hello')).status, 404)
  await gateway.admin('POST', `/admin/users/${gateway.users[1]?.sub}/block`)
  t.equal((await put(url, 'hello')).status, 404)
})
