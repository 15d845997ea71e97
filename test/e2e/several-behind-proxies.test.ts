import t, { type Test } from 'tap'
import { freePort } from '../helpers/free-port.ts'
import {
  call,
  endpointOf,
  messageOf,
  openSession,
  type Person,
  peopleOf,
  send,
  textOf
} from '../helpers/mcp-http.ts'
import { startPeerGateways } from '../helpers/peer-gateways.ts'
import { withoutPostgres } from '../helpers/postgres.ts'
import { type ProxyName, programOf, startProxy, versionOf } from '../helpers/proxies.ts'
import type { TestGateway } from '../helpers/start-gateway.ts'

// The configurations of ops/proxies/several, in the real programs (Debian's packages haproxy and nginx-light).

t.setTimeout(300_000)

const names: readonly ProxyName[] = ['nginx', 'haproxy']
const PEOPLE = 4
const CALLS = 12

/** Two gateways behind one address. */
async function twoGateways(t: Test) {
  const front = await freePort()
  const settings = { PUBLIC_URL: `http://localhost:${front}`, TRUST_PROXY: '127.0.0.1' }
  const [first, second] = await startPeerGateways(t, 2, { google: peopleOf(PEOPLE), settings })
  if (!first || !second) throw new Error('there are not two gateways')
  const portsOf = ({ config: { PORT: gateway, OPS_PORT: ops } }: TestGateway) => ({ gateway, ops })
  const people = Array.from({ length: PEOPLE }, (_, n) => endpointOf(first, n))
  return { people, second, ports: { front, ...portsOf(first), second: portsOf(second) } }
}

/** What `who` answers to so many calls, one after the other: the process that served each. */
async function served(person: Person, session: string): Promise<Set<string | undefined>> {
  const processes = new Set<string | undefined>()
  for (let n = 0; n < CALLS; n += 1) {
    const response = await send(person, { session, body: call('who', {}, n) })
    const message = await messageOf(response)
    processes.add(message.error ? `${response.status} ${message.error.message}` : textOf(message))
  }
  return processes
}

for (const name of names)
  t.test(
    `two gateways behind ${name} ${versionOf(name)}: nobody is kept at one, and one may be stopped`,
    { skip: withoutPostgres || (programOf(name) === undefined && `${name} is not installed`) },
    async (t) => {
      t.setTimeout(120_000)
      const { people, second, ports } = await twoGateways(t)
      await startProxy(t, name, ports)
      const sessions = await Promise.all(people.map((person) => openSession(person)))
      const calls = () => Promise.all(people.map((person, n) => served(person, sessions[n] ?? '')))
      const before = await calls()
      for (const processes of before) t.equal(processes.size, 1, 'each is served by one process')
      const stopping = second.close()
      const meanwhile = await calls()
      await stopping
      const after = await calls()
      for (const [n, processes] of meanwhile.entries())
        for (const each of processes) t.match(each, /^\{|^\d+$/, `a call of ${n} is answered`)
      for (const processes of after) t.equal(processes.size, 1, 'by the other one from then on')
    }
  )
