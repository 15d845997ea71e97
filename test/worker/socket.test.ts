import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { listen } from '../../worker/socket.ts'

t.test('a worker’s socket', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'ws-')) // a socket's path must be short
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const socketPath = join(directory, 's')
  const held = Promise.withResolvers<void>()
  const reached: (string | undefined)[] = []
  const socket = await listen(socketPath, 'the secret', async (incoming, response) => {
    reached.push(incoming.url)
    if (incoming.url === '/slow') await held.promise
    response.end(JSON.stringify(incoming.headers))
  })
  const ask = async (path: string, secret?: string | string[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const headers = secret === undefined ? {} : { 'x-worker-secret': secret }
    request({ socketPath, path, headers, agent: false }, resolve).on('error', reject).end()
    const response = await promise
    return { status: response.statusCode, body: await text(response) }
  }

  t.test('serves only who knows the secret, and forgets it', async (t) => {
    t.equal((await ask('/a')).status, 401)
    t.equal((await ask('/b', '')).status, 401)
    t.equal((await ask('/c', 'the secreT')).status, 401)
    t.equal((await ask('/d', ['the secret', 'the secret'])).status, 401)
    t.same(reached, [])
    const { status, body } = await ask('/e', 'the secret')
    t.equal(status, 200)
    t.notMatch(body, 'the secret')
  })

  t.test('drains: what is in flight is answered, nothing new is taken', async (t) => {
    const unused = connect(socketPath).resume()
    await once(unused, 'connect')
    const isUnusedClosed = once(unused, 'close')
    const slow = ask('/slow', 'the secret')
    while (!reached.includes('/slow')) await new Promise(setImmediate)
    let isDrained = false
    const draining = socket.drain().then(() => {
      isDrained = true
    })
    await t.rejects(ask('/late', 'the secret'), { code: /ENOENT|ECONNREFUSED/ })
    t.notOk(isDrained)
    held.resolve()
    t.equal((await slow).status, 200)
    await draining
    await isUnusedClosed // a connection that never had a request is not waited for
    await socket.drain()
  })
})
