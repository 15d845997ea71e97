import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createRandom } from '../../ops/sandbox/random.ts'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { linkMailboxes, tokenFor } from '../helpers/several-mailboxes.ts'
import { OAuthClient } from '../helpers/sign-in.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const PEOPLE = 8
const SESSIONS = 2
const CALLS = 30
/** Of a hundred calls, how many their client gives up on. */
const ABORTED_PERCENT = 10
const DEADLINE_MS = 90_000

const range = (n: number): number[] => [...Array(n).keys()]
const addressOf = (box: number): string => `box${box}@sandbox.example`
const word = (box: number, mail: number): string => `canary-b${box}m${mail}x`

t.test(
  'people with two mailboxes each, equal ids, aborts: no word in a wrong mailbox, process or log',
  async (t) => {
    const boxes = range(2 * PEOPLE)
    const google = await startSandbox({
      users: boxes.map((box) => ({ email: addressOf(box), empty: true }))
    })
    const logFile = join(t.testdir(), 'log')
    const gateway = await startGateway({
      google,
      logFile,
      level: 'gmail.full',
      settings: { CALLS_PER_USER: '500', CALL_BURST: '5000', LOG_LEVEL: 'debug', WARM_WORKERS: '2' }
    })
    t.teardown(async () => {
      await gateway.close()
      await google.close()
    })
    const ids = boxes.map((box) =>
      range(CALLS).map((mail) => {
        const text = `The word is ${word(box, mail)}.`
        const from = 'Post <post@elsewhere.example>'
        return google.mailbox(addressOf(box)).deliver({ from, subject: word(box, mail), text }).id
      })
    )
    // Mailbox 0 and 1 are the first person's, 2 and 3 the second's; each signs in with the even one.
    const own = range(PEOPLE).map((person) => [2 * person, 2 * person + 1] as const)
    await linkMailboxes(
      gateway,
      own.map(([a, b]) => [addressOf(a), addressOf(b)])
    )
    const client = await OAuthClient.register(gateway.origin)
    const tokens: string[] = []
    for (const [a, b] of own)
      tokens.push(await tokenFor(gateway, [addressOf(a), addressOf(b)], client))

    const random = createRandom('11').next
    const deadline = AbortSignal.timeout(DEADLINE_MS)
    const never = new AbortController().signal
    const post = async (person: number, headers: object, message: object, signal: AbortSignal) => {
      const response = await fetch(gateway.url, {
        method: 'POST',
        signal: AbortSignal.any([signal, deadline]),
        headers: {
          authorization: `Bearer ${tokens[person]}`,
          'content-type': 'application/json',
          ...headers
        },
        body: JSON.stringify({ jsonrpc: '2.0', ...message })
      })
      return { session: response.headers.get('mcp-session-id'), text: await response.text() }
    }
    const open = async (person: number): Promise<object> => {
      const params = {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'test', version: '1' }
      }
      const begun = await post(person, {}, { id: 1, method: 'initialize', params }, never)
      const session = {
        'mcp-session-id': begun.session ?? '',
        'mcp-protocol-version': '2025-11-25'
      }
      await post(person, session, { method: 'notifications/initialized' }, never)
      return session
    }
    const wrong: string[] = []
    let answered = 0
    let aborted = 0
    /** What is read by its id, or found by a search of the right mailbox; the default is named half of the time. */
    const questionFor = (box: number, mail: number): object => {
      const isDefault = box % 2 === 0 && random() < 0.5
      const account = isDefault ? {} : { account: addressOf(box) }
      return random() < 0.5
        ? { name: 'read_email', arguments: { messageId: ids[box]?.[mail], ...account } }
        : {
            name: 'search_emails',
            arguments: { query: `subject:${word(box, mail)}`, ...account }
          }
    }
    const read = async (person: number, session: object, mail: number): Promise<void> => {
      const box = 2 * person + (random() < 0.5 ? 0 : 1)
      const params = questionFor(box, mail)
      const left = new AbortController()
      if (random() * 100 < ABORTED_PERCENT) setTimeout(() => left.abort(), random() * 400)
      const call = { id: 1, method: 'tools/call', params }
      try {
        const { text } = await post(person, session, call, left.signal)
        answered += 1
        const fault = faultOf(text, box, mail)
        if (fault) wrong.push(fault)
      } catch (error) {
        if (left.signal.aborted) aborted += 1
        else wrong.push(`${word(box, mail)}: ${String(error)}`)
      }
    }
    /** A neighbour's mailbox, asked for with one's own token: nothing but a refusal. */
    const pry = async (person: number, session: object): Promise<void> => {
      const other = (2 * person + 2) % (2 * PEOPLE)
      const args = { query: 'canary', account: addressOf(other) }
      const params = { name: 'search_emails', arguments: args }
      const { text } = await post(person, session, { id: 1, method: 'tools/call', params }, never)
      if (/canary-b/.test(text) || !/has to be one of/.test(text)) wrong.push(`pried: ${text}`)
    }

    await Promise.all(
      range(PEOPLE).flatMap((person) =>
        range(SESSIONS).map(async () => {
          const session = await open(person)
          await Promise.all([
            ...range(CALLS).map((mail) => read(person, session, mail)),
            pry(person, session)
          ])
        })
      )
    )

    t.same(wrong, [], 'every answer belongs to its mailbox and its call, and says whose it is')
    t.equal(answered + aborted, PEOPLE * SESSIONS * CALLS, 'none hangs')
    t.ok(aborted > 0, 'some were given up', { answered, aborted })
    const { body } = await gateway.admin('GET', '/admin/workers')
    const { workers } = body as { workers: { userId: string | null; pid: number }[] }
    const served = workers.filter(({ userId }) => userId !== null)
    t.equal(new Set(served.map(({ pid }) => pid)).size, 2 * PEOPLE, 'each mailbox has a process')
    t.equal(new Set(served.map(({ userId }) => userId)).size, 2 * PEOPLE)
    const log = readFileSync(logFile, 'utf8')
    t.ok(log.length > 0, 'there is a log')
    t.notMatch(log, /canary-|mcp_token_|ya29\.|@sandbox/, 'no mail, token or address is in it')
  }
)

/** What is wrong with an answer that must hold one word and one address, those of its call. */
function faultOf(text: string, box: number, mail: number): string | undefined {
  const words = new Set(text.match(/canary-b\d+m\d+x/g))
  const accounts = new Set([...text.matchAll(/Account: (\S+?)\\n/g)].map(([, who]) => who))
  const isOnly = words.size === 1 && accounts.size === 1
  if (isOnly && words.has(word(box, mail)) && accounts.has(addressOf(box))) return undefined
  return `${word(box, mail)} got ${[...words, ...accounts].join() || text.slice(0, 300)}`
}
