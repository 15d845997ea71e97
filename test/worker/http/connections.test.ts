import { once } from 'node:events'
import { request } from 'node:http'
import { duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { serveConnections } from '../../../worker/http/connections.ts'
import { WorkerAgent } from '../../helpers/worker-connection.ts'

t.test('a worker drains: what is in flight is answered, nothing new is taken', async (t) => {
  const held = Promise.withResolvers<void>()
  const reached: (string | undefined)[] = []
  const connections = serveConnections(async (incoming, response) => {
    reached.push(incoming.url)
    if (incoming.url === '/slow') await held.promise
    response.end(`this is ${incoming.url}`)
  })
  const connect = () => {
    const [near, far] = duplexPair()
    connections.take(far)
    return near
  }
  const ask = async (path: string) => {
    const [response] = await once(
      request({ agent: new WorkerAgent(connect), path }).end(),
      'response'
    )
    return text(response)
  }
  t.equal(await ask('/quick'), 'this is /quick')
  const unused = connect().resume()
  const isUnusedClosed = once(unused, 'end')
  const slow = ask('/slow')
  while (!reached.includes('/slow')) await new Promise(setImmediate)
  let isDrained = false
  const draining = connections.drain().then(() => {
    isDrained = true
  })
  await t.rejects(ask('/late'), { code: 'ECONNRESET' })
  t.notOk(isDrained)
  held.resolve()
  t.equal(await slow, 'this is /slow')
  await draining
  await isUnusedClosed // a connection that never had a request is not waited for
  await connections.drain()
})
