import t from 'tap'
import { FailedAttempts } from '../../../gateway/http/failed-attempts.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

t.test('an address that sends many wrong tokens waits, and no other does', async (t) => {
  const clock = new FakeClock()
  const attempts = new FailedAttempts(clock)
  for (let sent = 0; sent < 119; sent += 1) attempts.failed('192.0.2.1')
  t.equal(attempts.waitFor('192.0.2.1'), 0, 'a client that lost its token is not locked out')
  attempts.failed('192.0.2.1')
  t.equal(attempts.waitFor('192.0.2.1'), 60)
  t.equal(attempts.waitFor('192.0.2.2'), 0)
  clock.advance(59_000)
  t.equal(attempts.waitFor('192.0.2.1'), 1)
  clock.advance(1000)
  t.equal(attempts.waitFor('192.0.2.1'), 0, 'a minute later it may try again')
  for (let sent = 0; sent < 120; sent += 1) attempts.failed(`2001:db8::${sent}`)
  t.equal(attempts.waitFor('2001:db8::ffff'), 60, 'who has one address has the whole network')
  t.equal(attempts.waitFor('2001:db8:0:1::1'), 0)
})

t.test('a flood from many addresses does not fill the memory', async (t) => {
  const attempts = new FailedAttempts(new FakeClock())
  for (let sent = 0; sent < 120; sent += 1) attempts.failed('first')
  for (let address = 0; address < 10_000; address += 1) attempts.failed(`${address}`)
  t.equal(attempts.waitFor('first'), 0, 'the oldest is forgotten')
})

t.test('the endpoint turns wrong tokens of a busy address away, and no right one', async (t) => {
  const gateway = await startGateway()
  t.teardown(() => gateway.close())
  const post = async (token: string) =>
    fetch(gateway.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
    })
  const answers = new Map<number, number>()
  for (let sent = 0; sent < 130; sent += 1) {
    const { status } = await post(`a-token-that-nobody-ever-issued-${sent}`)
    answers.set(status, (answers.get(status) ?? 0) + 1)
  }
  t.same(
    [...answers],
    [
      [401, 119],
      [429, 11]
    ]
  )
  const refused = await post('a-token-that-nobody-ever-issued')
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.match(await refused.json(), { error: { data: { code: 'ERR_TOO_MANY_ATTEMPTS' } } })
  t.equal((await post(gateway.token)).status, 200, 'a right token is served all the same')
})
