import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { asUserId } from '#shared/ids.ts'
import { attachmentRoute } from '../../../gateway/mcp/attachment-route.ts'
import { type FileTarget, OneTimeLinks } from '../../../gateway/mcp/one-time-links.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const ADA = asUserId('ada')

/** What somebody gets who opens a link, when the worker answers so. */
async function opened(t: Test, serve: RequestListener): Promise<Response> {
  const worker = createServer(serve).listen(0, '127.0.0.1')
  t.teardown(() => worker.close())
  const links = new OneTimeLinks<FileTarget>(new FakeClock())
  const app = Fastify()
  t.teardown(() => app.close())
  const running = {
    connect: () => connect((worker.address() as AddressInfo).port, '127.0.0.1'),
    gone: new Promise(() => {})
  }
  await attachmentRoute(app, {
    links,
    supervisor: { acquire: async () => ({ worker: running, release() {} }) },
    access: { add: () => () => {} },
    isLive: async () => true
  } as never)
  const accesses = [{}] as never
  const { ticket } = links.create({ userId: ADA, messageId: 'm', partId: '1', accesses })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return fetch(`${url}/attachments/${ticket}`)
}

t.test('a worker that has fallen makes no page of this origin', async (t) => {
  for (const status of [200, 404, 299, 302]) {
    const response = await opened(t, (_, answer) => {
      answer.writeHead(status, {
        'content-type': 'text/html',
        'content-disposition': 'inline; filename="x.html"',
        location: 'https://evil.example/',
        'set-cookie': 'session=evil',
        'content-security-policy': "script-src 'unsafe-inline'",
        'access-control-allow-origin': '*'
      })
      answer.end('<script>evil()</script>')
    })
    const { headers } = response
    const isContent = status === 200
    t.equal(response.status, [200, 404].includes(status) ? status : 502)
    t.match(headers.get('content-type'), isContent ? 'application/octet-stream' : 'text/plain')
    t.equal(headers.get('content-disposition'), isContent ? 'attachment' : null)
    t.equal(
      headers.get('content-security-policy'),
      "default-src 'none'; frame-ancestors 'none'; sandbox"
    )
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    for (const name of ['set-cookie', 'location', 'access-control-allow-origin'])
      t.equal(headers.get(name), null, name)
  }
})

t.test('the name of a file is taken from it', async (t) => {
  const name = "attachment; filename*=UTF-8''%C3%A9tude%20%281%29.pdf"
  const response = await opened(t, (_, answer) => {
    answer.writeHead(200, { 'content-disposition': name, 'content-length': '3' }).end('pdf')
  })
  t.equal(response.headers.get('content-disposition'), name)
  t.equal(response.headers.get('content-length'), '3')
  t.equal(await response.text(), 'pdf')
})
