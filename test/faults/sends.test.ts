import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { type Sandbox, startSandbox } from '../../ops/sandbox/sandbox.ts'
import { type GatewayHome, openGatewayHome } from '../helpers/gateway-home.ts'
import { call, messageOf, openSession, send } from '../helpers/mcp-http.ts'

const PEOPLE = ['ada', 'ben', 'cleo', 'dora', 'emil', 'fay'].map((name) => `${name}@example.com`)

/** What goes wrong at the first send of a person, before Gmail has the mail or before its answer is passed on. */
interface Mishap {
  readonly when: 'before' | 'after'
  act(): Promise<void>
}

/** Gmail as workers reach it: the stand-in, with mishaps by the subject of what is sent. */
async function gmailWithMishaps(t: Test, sandbox: Sandbox, mishaps: Map<string, Mishap>) {
  const take = (body: string): Mishap | undefined => {
    const { raw = '' } = JSON.parse(body)
    const [, subject = ''] = /^Subject: (.*)$/m.exec(Buffer.from(raw, 'base64url').toString()) ?? []
    const mishap = mishaps.get(subject.trim())
    mishaps.delete(subject.trim())
    return mishap
  }
  const serve = async (asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const body = await text(asked)
    const mishap = asked.url?.includes('/messages/send') ? take(body) : undefined
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

/** Sends the same mail until there is a success, as a person would who was told that it failed. */
async function sendUntilDone(home: GatewayHome, index: number, subject: string): Promise<string[]> {
  const to = { url: home.url, token: home.users[index]?.token ?? '' }
  const told: string[] = []
  for (let tries = 0; tries < 100; tries += 1) {
    const mail = { to: ['someone@else.test'], subject, body: 'Once, please.' }
    const answer = await openSession(to)
      .then((session) => send(to, { session, body: call('send_email', mail) }))
      .then(messageOf)
      .catch(() => undefined) // the gateway is away for a moment
    const isDone = answer?.result !== undefined && answer.result.isError !== true
    told.push(isDone ? 'done' : JSON.stringify(answer ?? 'no gateway'))
    if (isDone) return told
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  return told
}

async function build(t: Test, people: readonly string[]) {
  const sandbox = await startSandbox({ users: people.map((email) => ({ email, empty: true })) })
  t.teardown(() => sandbox.close())
  const mishaps = new Map<string, Mishap>()
  const home = await openGatewayHome(t, {
    users: sandbox,
    settings: { GMAIL_API_URL: await gmailWithMishaps(t, sandbox, mishaps) }
  })
  const sentWith = (email: string, subject: string): number =>
    sandbox.mailbox(email).messages.filter(({ mail }) => mail.subject === subject).length
  return { home, mishaps, sentWith }
}

const killAllWorkers = async (home: GatewayHome): Promise<void> => {
  for (const { pid } of await home.workers()) if (pid !== null) process.kill(pid, 'SIGKILL')
}

t.test('a mail goes out once, whatever dies and whenever', async (t) => {
  const { home, mishaps, sentWith } = await build(t, PEOPLE)
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
  let index = 0
  for (const [what, act] of Object.entries(endings))
    for (const when of ['before', 'after'] as const) {
      const person = index
      index += 1
      const subject = `The ${what} ends ${when}`
      mishaps.set(subject, { when, act })
      const told = await sendUntilDone(home, person, subject)
      t.equal(mishaps.has(subject), false, 'it happened')
      t.equal(told.at(-1), 'done', `${subject}: ${told.join('; ')}`)
      t.equal(sentWith(PEOPLE[person] ?? '', subject), 1, `${subject}: once`)
    }
})
