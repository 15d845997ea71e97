import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { Settings } from '../../gateway/config/config.ts'

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
/** What Compose itself does with a list that takes the place of one that is inherited. */
const own = ['!override', '!reset'].map((tag) => ({
  tag,
  collection: 'seq' as const,
  identify: () => false
}))
const two = parse(read('compose.two-gateways.yaml'), { customTags: own, merge: true })
const { services } = parse(read('compose.yaml'))
const gateways = ['gateway-a', 'gateway-b'] as const

t.test('both gateways are the one of compose.yaml, and what differs is known', (t) => {
  for (const name of gateways) {
    const { extends: from, environment, ports, volumes } = two.services[name]
    t.same(from, { file: 'compose.yaml', service: 'gateway' })
    for (const setting of Object.keys(environment))
      t.ok(setting.replace(/_FILE$/, '') in Settings.shape, setting)
    t.equal(environment.PEER_URL, `https://${name}:3007`, 'others reach it by its own name')
    t.same(volumes, [], 'state is in PostgreSQL')
    for (const port of ports) t.match(port, /^127\.0\.0\.1:\d+:9464$/, 'for this machine only')
  }
  const [a, b] = gateways.map((name) => two.services[name].ports[0])
  t.not(a, b)
  t.end()
})

t.test('every secret that is used is declared, is used, and lies in a file', (t) => {
  const used = Object.values<{ secrets?: string[] }>(two.services).flatMap(
    ({ secrets = [] }) => secrets
  )
  t.same(new Set(used), new Set(Object.keys(two.secrets)))
  for (const name of services.gateway.secrets) t.ok(used.includes(name), name)
  for (const name of gateways) {
    const { environment, secrets } = two.services[name]
    for (const value of Object.values<string>(environment))
      if (value.startsWith('/run/secrets/')) t.ok(secrets.includes(value.slice(13)), value)
  }
  t.notMatch(read('compose.two-gateways.yaml'), /^\s+\w*PASSWORD:/m)
  t.end()
})

t.test('haproxy sends to the gateways by the names that they have here', (t) => {
  const servers = [
    ...read('ops/proxies/several/haproxy.cfg').matchAll(/^ {2}server \w+ (\S+):3006 port 9464/gm)
  ]
  t.same(
    servers.map(([, name]) => name),
    gateways
  )
  const { volumes } = two.services.balancer
  t.match(volumes[0], './ops/proxies/several/haproxy.cfg:')
  t.end()
})
