import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createRandom } from '../../ops/sandbox/random.ts'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const USERS = 30
const SESSIONS = 3
const CALLS = 40
/** Of a hundred calls, how many their client gives up on. */
const ABORTED_PERCENT = 10
/** Nothing may wait longer, on a machine that does all of this at once. */
const DEADLINE_MS = 90_000

const word = (user: number, mail: number): string => `canary-u${user}m${mail}x`

t.test(
  'equal ids, many users, aborts: each answer reaches its own call and nobody else',
  async (t) => {
    const google = await startSandbox({
      users: Array.from({ length: USERS }, (_, user) => ({
        email: `user${user}@sandbox.example`,
        empty: true
      }))
    })
    const logFile = join(t.testdir(), 'log')
    const gateway = await startGateway({
      google,
      logFile,
      settings: { CALLS_PER_USER: '500', CALL_BURST: '5000', LOG_LEVEL: 'debug', WARM_WORKERS: '2' }
    })
    t.teardown(async () => {
      await gateway.close()
      await google.close()
    })
    const mails = google.users.map(({ email }, user) =>
      Array.from({ length: CALLS }, (_, mail) => {
        const text = `The word is ${word(user, mail)}.`
        const from = 'Post <post@elsewhere.example>'
        return google.mailbox(email).deliver({ from, subject: word(user, mail), text }).id
      })
    )
    const random = createRandom('7').next
    const deadline = AbortSignal.timeout(DEADLINE_MS)

    const post = async (
      user: number,
      session: string | undefined,
      message: object,
      signal: AbortSignal
    ) => {
      const response = await fetch(gateway.url, {
        method: 'POST',
        signal: AbortSignal.any([signal, deadline]),
        headers: {
          authorization: `Bearer ${gateway.users[user]?.token}`,
          'content-type': 'application/json',
          ...(session && { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' })
        },
        body: JSON.stringify({ jsonrpc: '2.0', ...message })
      })
      return { session: response.headers.get('mcp-session-id'), text: await response.text() }
    }
    const never = new AbortController().signal
    const open = async (user: number): Promise<string> => {
      const clientInfo = { name: 'test', version: '1' }
      const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
      const { session } = await post(
        user,
        undefined,
        { id: 1, method: 'initialize', params },
        never
      )
      await post(user, session ?? '', { method: 'notifications/initialized' }, never)
      return session ?? ''
    }
    const wrong: string[] = []
    let answered = 0
    let aborted = 0
    const read = async (user: number, session: string, mail: number): Promise<void> => {
      const isAborted = random() * 100 < ABORTED_PERCENT
      const left = new AbortController()
      if (isAborted) setTimeout(() => left.abort(), random() * 400)
      const params = { name: 'read_email', arguments: { messageId: mails[user]?.[mail] } }
      try {
        const { text } = await post(
          user,
          session,
          { id: 1, method: 'tools/call', params },
          left.signal
        )
        answered += 1
        const fault = faultOf(text, word(user, mail))
        if (fault) wrong.push(fault)
      } catch (error) {
        if (left.signal.aborted) aborted += 1
        else wrong.push(`${word(user, mail)}: ${String(error)}`)
      }
    }

    const range = (n: number): number[] => [...Array(n).keys()]
    await Promise.all(
      range(USERS).flatMap((user) =>
        range(SESSIONS).map(async () => {
          const session = await open(user)
          await Promise.all(range(CALLS).map((mail) => read(user, session, mail)))
        })
      )
    )

    t.same(wrong, [], 'every answer belongs to its user and its call')
    t.equal(answered + aborted, USERS * SESSIONS * CALLS, 'none hangs')
    t.ok(aborted > 0, 'some were given up', { answered, aborted })
    const { body } = await gateway.admin('GET', '/admin/workers')
    const { workers } = body as {
      workers: { userId: string | null; pid: number; inFlight: number }[]
    }
    const served = workers.filter(({ userId }) => userId !== null)
    t.equal(new Set(served.map(({ pid }) => pid)).size, USERS, 'each user has a process')
    t.equal(new Set(served.map(({ userId }) => userId)).size, USERS)
    const log = readFileSync(logFile, 'utf8')
    t.ok(log.length > 0, 'there is a log')
    t.notMatch(log, /canary-|mcp_token_|ya29\.|@sandbox/, 'no mail, token or address is in it')
  }
)

/** What is wrong with an answer that must hold `own` and nobody else's word, under the id of its call. */
function faultOf(text: string, own: string): string | undefined {
  const words = new Set(text.match(/canary-u\d+m\d+x/g))
  if (words.size === 1 && words.has(own) && text.includes('"id":1}')) return undefined
  return `${own} got ${[...words].join() || text.slice(0, 300)}`
}
