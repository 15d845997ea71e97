import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { whenLoopIdle } from '../../../gateway/server/when-loop-idle.ts'

/** Two ends of a connection that answer each other without a rest, so that something arrives in every turn. */
async function neverRests(t: Test): Promise<void> {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('It has no port.')
  const client = connect(address.port, '127.0.0.1').setNoDelay()
  client.on('error', () => {}).on('data', (piece) => client.write(piece))
  client.write('x')
  t.teardown(() => {
    client.destroy()
    server.close()
  })
}

const spin = (ms: number): void => {
  const until = performance.now() + ms
  while (performance.now() < until);
}

t.test('a loop to which nothing comes is idle at once', async (t) => {
  let turns = 0
  const idle = new Promise<void>((resolve) => whenLoopIdle(resolve))
  const count = (): void => {
    turns += 1
    if (turns < 1000) setImmediate(count)
  }
  setImmediate(count)
  await idle
  t.ok(turns < 1000, `after ${turns} turns`)
})

t.test('in a loop that never rests no long turn is taken for idle', async (t) => {
  await neverRests(t)
  let isLong = false
  const every = setInterval(() => {
    isLong = true
    spin(5)
  }, 8)
  t.teardown(() => clearInterval(every))
  let wasLong: boolean | undefined
  whenLoopIdle(() => {
    wasLong = isLong
  })
  // Behind the one that looks, in each turn.
  await new Promise<void>((resolve) => {
    const next = (): void => {
      isLong = false
      if (wasLong === undefined) setImmediate(next)
      else resolve()
    }
    setImmediate(next)
  })
  t.equal(wasLong, false)
})
