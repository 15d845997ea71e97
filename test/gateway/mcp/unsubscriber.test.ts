import t from 'tap'
import { asUserId } from '#shared/ids.ts'
import { createUnsubscriber } from '../../../gateway/mcp/unsubscriber.ts'
import { createSsrfSafeFetch } from '../../../gateway/oauth/ssrf-safe-fetch.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const ANN = asUserId('1')
const BEN = asUserId('2')
const URL_OF_LIST = 'https://news.test/leave?id=7'

t.test('the request is the one of RFC 8058, and tells nothing else', async (t) => {
  const asked: [unknown, RequestInit | undefined][] = []
  const fetch = async (input: unknown, init?: RequestInit) => {
    asked.push([input, init])
    return new Response('done', { status: 202 })
  }
  const unsubscriber = createUnsubscriber(fetch as typeof globalThis.fetch, new FakeClock())
  t.same(await unsubscriber.post(ANN, URL_OF_LIST), { outcome: 'answered', status: 202 })
  const [[url, init] = []] = asked
  t.equal(url, URL_OF_LIST)
  t.match(init, { method: 'POST', redirect: 'manual', body: 'List-Unsubscribe=One-Click' })
  t.same(init?.headers, { 'content-type': 'application/x-www-form-urlencoded' })
})

t.test('it goes to public addresses over https alone, whatever a name leads to', async (t) => {
  for (const address of ['127.0.0.1', '10.0.0.7', '169.254.169.254', '::1']) {
    const guarded = createSsrfSafeFetch(
      {},
      {
        lookUp: (_name, _options, found) =>
          found(null, [{ address, family: address.includes(':') ? 6 : 4 }])
      }
    )
    t.teardown(() => guarded.close())
    const unsubscriber = createUnsubscriber(guarded.fetch, new FakeClock())
    t.same(await unsubscriber.post(ANN, URL_OF_LIST), { outcome: 'unreachable' }, address)
    for (const url of [
      'http://news.test/',
      'https://127.0.0.1/',
      'https://news.test:8443/',
      'no url'
    ])
      t.same(await unsubscriber.post(ANN, url), { outcome: 'unreachable' }, url)
  }
})

t.test('one person makes no more of them than a person does', async (t) => {
  const clock = new FakeClock()
  const unsubscriber = createUnsubscriber(async () => new Response(), clock)
  for (let count = 0; count < 100; count += 1)
    t.match(await unsubscriber.post(ANN, URL_OF_LIST), { outcome: 'answered' })
  t.same(await unsubscriber.post(ANN, URL_OF_LIST), { outcome: 'busy' })
  t.match(await unsubscriber.post(BEN, URL_OF_LIST), { outcome: 'answered' }, 'others do')
  clock.advance(3_600_000)
  t.match(await unsubscriber.post(ANN, URL_OF_LIST), { outcome: 'answered' })
})

t.test('no more than a few are under way at once', async (t) => {
  const waits = Promise.withResolvers<Response>()
  const unsubscriber = createUnsubscriber(() => waits.promise, new FakeClock())
  const of = (name: string) => unsubscriber.post(asUserId(name), URL_OF_LIST)
  const first = [of('1'), of('1')]
  t.same(await of('1'), { outcome: 'busy' }, 'nobody has all of them')
  first.push(...['3', '3', '4', '4', '5', '5'].map(of))
  t.same(await of('2'), { outcome: 'busy' })
  waits.resolve(new Response())
  await Promise.all(first)
  t.match(await unsubscriber.post(BEN, URL_OF_LIST), { outcome: 'answered' })
})
