import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { googleScopesFor } from '#shared/access-levels.ts'
import { type Sandbox, startSandbox } from '../../ops/sandbox/sandbox.ts'
import { type GatewayHome, openGatewayHome } from '../helpers/gateway-home.ts'
import { call, messageOf, openSession, send } from '../helpers/mcp-http.ts'

/** What is made once, by the name that it is given. */
interface Kind {
  readonly path: string
  /** The name in the body of a request that makes one. */
  nameIn(body: string): string
  readonly tool: string
  args(name: string): Record<string, unknown>
  /** How many there are. */
  count(sandbox: Sandbox, email: string, name: string): Promise<number> | number
  /** What says as clearly as a success that there is one. */
  readonly isThere?: RegExp
}

const subjectOf = (raw: string): string =>
  /^Subject: (.*)$/m.exec(Buffer.from(raw, 'base64url').toString())?.[1]?.trim() ?? ''
const letter = (subject: string) => ({
  to: ['someone@else.test'],
  subject,
  body: 'Once, please.'
})

const KINDS: Record<string, Kind> = {
  mail: {
    path: '/messages/send',
    nameIn: (body) => subjectOf(JSON.parse(body).raw),
    tool: 'send_email',
    args: letter,
    count: (sandbox, email, name) =>
      sandbox.mailbox(email).messages.filter(({ mail }) => mail.subject === name).length
  },
  draft: {
    path: '/drafts',
    nameIn: (body) => subjectOf(JSON.parse(body).message.raw),
    tool: 'draft_email',
    args: letter,
    count: (sandbox, email, name) =>
      sandbox.mailbox(email).drafts.filter(({ message }) => message.mail.subject === name).length
  },
  label: {
    path: '/labels',
    nameIn: (body) => JSON.parse(body).name,
    tool: 'create_label',
    args: (name) => ({ name }),
    count: (sandbox, email, wanted) =>
      sandbox.mailbox(email).labels.filter(({ name }) => name === wanted).length,
    isThere: /A label .* exists already/
  },
  filter: {
    path: '/settings/filters',
    nameIn: (body) => JSON.parse(body).criteria.subject,
    tool: 'create_filter',
    args: (subject) => ({ criteria: { subject }, action: { addLabelIds: ['STARRED'] } }),
    async count(sandbox, email, name) {
      const { accessToken } = sandbox.issueGrant(email, googleScopesFor('gmail.settings'))
      const answer = await fetch(`${sandbox.url}/gmail/v1/users/me/settings/filters`, {
        headers: { authorization: `Bearer ${accessToken}` }
      })
      return (await answer.text()).split(JSON.stringify(name)).length - 1
    },
    isThere: /This filter exists already/
  }
}

const ENDINGS = ['connection', 'worker', 'gateway'] as const
const TIMES = ['before', 'after'] as const
/** One person for each thing that is made and each way in which that goes wrong. */
const CASES = Object.keys(KINDS).flatMap((kind) =>
  ENDINGS.flatMap((what) =>
    TIMES.map((when) => ({ kind, what, when, email: `${kind}.${what}.${when}@example.com` }))
  )
)

/** What goes wrong when something is made, before Gmail has it or before its answer is passed on. */
interface Mishap {
  readonly when: (typeof TIMES)[number]
  act(): Promise<void>
}

/** Gmail as workers reach it: the stand-in, with mishaps by the name of what is made. */
async function gmailWithMishaps(t: Test, sandbox: Sandbox, mishaps: Map<string, Mishap>) {
  const take = ({ method, url = '' }: IncomingMessage, body: string): Mishap | undefined => {
    const path = new URL(url, sandbox.url).pathname
    const kind = Object.values(KINDS).find((each) => path.endsWith(each.path))
    if (method !== 'POST' || !kind) return undefined
    const name = kind.nameIn(body)
    const mishap = mishaps.get(name)
    mishaps.delete(name)
    return mishap
  }
  const serve = async (asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const body = await text(asked)
    const mishap = take(asked, body)
    if (mishap?.when === 'before') await mishap.act()
    if (mishap?.when !== 'before') {
      const passed = request(new URL(asked.url ?? '', sandbox.url), {
        method: asked.method,
        headers: { ...asked.headers, host: new URL(sandbox.url).host }
      })
      passed.end(body)
      const [given] = (await once(passed, 'response')) as [IncomingMessage]
      const content = await text(given)
      if (!mishap) {
        answer.writeHead(given.statusCode ?? 502, given.headers).end(content)
        return
      }
      await mishap.act()
    }
    asked.socket.destroy()
  }
  const server = createServer((asked, answer) => void serve(asked, answer).catch(() => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** For what becomes of a call while its gateway is started again, on a busy machine. */
const PATIENCE_MS = 60_000
/** No event says that a gateway, or Gmail's search, is there again. */
const POLL_MS = 100

/** Asks for the same until there is a success, as a person would who was told that it failed. */
async function askUntilDone(
  home: GatewayHome,
  { tool, args, isThere }: Kind,
  person: number,
  name: string
): Promise<string[]> {
  const to = { url: home.url, token: home.users[person]?.token ?? '' }
  const told: string[] = []
  const end = performance.now() + PATIENCE_MS
  while (performance.now() < end) {
    const answer = await openSession(to)
      .then((session) => send(to, { session, body: call(tool, args(name)) }))
      .then(messageOf)
      .catch(() => undefined) // the gateway is away for a moment
    const words = JSON.stringify(answer ?? 'no gateway')
    const isDone = answer?.result !== undefined && answer.result.isError !== true
    told.push(isDone || isThere?.test(words) ? 'done' : words)
    if (told.at(-1) === 'done') return told
    await delay(POLL_MS)
  }
  return told
}

async function build(t: Test, people: readonly string[]) {
  const sandbox = await startSandbox({ users: people.map((email) => ({ email, empty: true })) })
  t.teardown(() => sandbox.close())
  const mishaps = new Map<string, Mishap>()
  const home = await openGatewayHome(t, {
    users: sandbox,
    level: 'gmail.settings',
    settings: { GMAIL_API_URL: await gmailWithMishaps(t, sandbox, mishaps) }
  })
  return { home, mishaps, sandbox }
}

const killAllWorkers = async (home: GatewayHome): Promise<void> => {
  for (const { pid } of await home.workers()) if (pid !== null) process.kill(pid, 'SIGKILL')
}

t.test(
  'a mail, a draft, a label and a filter are made once, whatever dies and whenever',
  async (t) => {
    const { home, mishaps, sandbox } = await build(
      t,
      CASES.map(({ email }) => email)
    )
    let gateway = home.start()
    await gateway.said('"ready"')
    const endings = {
      connection: async () => {},
      worker: () => killAllWorkers(home),
      gateway: async () => {
        gateway.kill('SIGKILL')
        await gateway.gone
        gateway = home.start()
        await gateway.said('"ready"')
      }
    }
    for (const [person, { kind: named, what, when, email }] of CASES.entries()) {
      const name = `${named}: the ${what} ends ${when}`
      const kind = KINDS[named]
      if (!kind) throw new Error(`There is no ${named}.`)
      mishaps.set(name, { when, act: endings[what] })
      const told = await askUntilDone(home, kind, person, name)
      t.equal(mishaps.has(name), false, 'it happened')
      t.equal(told.at(-1), 'done', `${name}: ${told.join('; ')}`)
      t.equal(await kind.count(sandbox, email, name), 1, `${name}: once`)
    }
  }
)
