import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import * as z from 'zod'
import { COMMANDS, optionOf } from '../../ops/admin/commands.ts'
import { openConnection } from '../../ops/admin/connection.ts'
import { EXIT, Failed } from '../../ops/admin/failed.ts'
import { commandHelp, help } from '../../ops/admin/help.ts'
import { perform } from '../../ops/admin/perform.ts'
import { readRequest } from '../../ops/admin/request.ts'
import {
  call,
  endpointOf,
  fixtureWorker,
  messageOf,
  modernCall,
  openSession,
  peopleOf,
  send,
  until
} from '../helpers/mcp-http.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const settings = {
  WORKER_ENTRY: fixtureWorker('tools'),
  METRICS_TOKEN: 'metrics-only-abcdefghijklmnopqr'
}
const gateway = await startGateway({ settings, google: peopleOf(4) })
t.teardown(() => gateway.close())
const environment = { ADMIN_URL: gateway.opsUrl, ADMIN_TOKEN: gateway.adminToken }

interface Heard {
  readonly code: number
  readonly said: string
  readonly noted: string
}

/** As the program does it, in this process. */
async function admin(
  line: readonly string[],
  env: Record<string, string> = environment
): Promise<Heard> {
  let said = ''
  let noted = ''
  const voice = {
    say: (text: string) => {
      said += `${text}\n`
    },
    note: (text: string) => {
      noted += text
    }
  }
  try {
    const request = readRequest(line)
    if (request.kind !== 'do') throw new Error('this is help')
    return { code: await perform(request, openConnection(env), voice), said, noted }
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    return { code: EXIT[error.kind], said, noted: error.message }
  }
}

t.test('the help alone tells every command, option and exit code', async (t) => {
  const text = help()
  for (const command of COMMANDS) {
    t.match(text, new RegExp(`^  ${command.command} .*  ${command.summary}$`, 'm'))
    const own = commandHelp(command)
    for (const name of Object.keys(command.params.shape)) t.match(own, `<${name}>`)
    for (const name of Object.keys(command.query.shape))
      t.match(own, new RegExp(`^  --${optionOf(name)} \\S+  `, 'm'))
    t.match(own, command.description)
  }
  for (const code of Object.values(EXIT)) t.match(text, new RegExp(` ${code}  [a-z]`))
  t.notOk(
    text.split('\n').some((line) => line.length > 100),
    'it fits a terminal'
  )
})

// RFC 4648 §5: ids of tokens and clients are of an alphabet that has the dash.
t.test('names may begin with a dash', async (t) => {
  const line = ['revoke-token', 'ann@example.com', '-rGJkAumU', '-r', '-why']
  t.match(readRequest(line), {
    path: '/admin/users/ann%40example.com/tokens/-rGJkAumU',
    reason: '-why'
  })
  t.match(readRequest(['kill-calls', '--client', '-x', '--json']), {
    query: { client: '-x' },
    isJson: true
  })
  t.match(readRequest(['worker', '--', '--x']), { path: '/admin/workers/--x' })
  t.throws(() => readRequest(['worker', '--x']), /comes last, after -- alone/)
  t.match(readRequest(['calls', '-h']), { kind: 'help-for' })
})

t.test('a hanging call is found and ended from a shell', async (t) => {
  const me = endpointOf(gateway, 0)
  const session = await openSession(me, 'claude-code')
  const hanging = send(me, { session, body: call('wait', { ms: 600_000, text: '' }, 'mine') })
  await until(async () => (await admin(['calls'])).said.includes('wait'))
  const { said } = await admin(['calls', '--older-than', '0', '--user', 'person0@example.com'])
  const [head = '', line = ''] = said.split('\n')
  t.match(head, /^TOOL +AGE +PERSON +CLIENT +SESSION +WORKER +CALL +GATEWAY$/)
  t.match(line, /^wait +[\d.]+ s +person0@example\.com +claude-code +s-\w+ +w-\w+ +\S+ +\S+$/)
  t.equal(line.indexOf('claude-code'), head.indexOf('CLIENT'), 'in columns')
  t.same(await admin(['calls', '--older-than', '3600']), { code: 0, said: 'none\n', noted: '' })
  const killed = await admin(['kill-calls', '--user', me.sub, '--reason', 'hängt – 東京', '--json'])
  t.match(JSON.parse(killed.said), { ended: [{ tool: 'wait', userId: me.sub }] })
  t.match(await messageOf(await hanging), { id: 'mine', error: { message: /operator ended/ } })
  const audit = await admin(['audit', '--action', 'kill_calls', '--limit', '1'])
  t.match(audit.said, /kill_calls +user +hängt – 東京\n$/)
})

t.test('each command does what the API does', async (t) => {
  const [ann, ben] = [endpointOf(gateway, 1), endpointOf(gateway, 2)]
  await openSession(ann, 'cursor')
  await (await send(ben, modernCall('who'))).text()
  const Sessions = z.object({ sessions: z.array(z.object({ handle: z.string() })) })
  const of = async (person: string) =>
    Sessions.parse(JSON.parse((await admin(['sessions', '--user', person, '--json'])).said))
      .sessions
  const [{ handle = '' } = {}] = await of(ann.sub)
  const Workers = z.object({ workers: z.array(z.object({ id: z.string(), userId: z.string() })) })
  const { workers } = Workers.parse(JSON.parse((await admin(['workers', '--json'])).said))
  const worker = workers.find(({ userId }) => userId === ben.sub)?.id ?? ''
  const User = z.object({ tokens: z.array(z.object({ id: z.string() })) })
  const user = User.parse(JSON.parse((await admin(['user', ben.sub, '--json'])).said))
  const token = user.tokens[0]?.id ?? ''

  const tried: [line: string[], says: RegExp][] = [
    [['users', '--search', 'person1'], /^PERSON .*\nperson1@example\.com +active +yes .*\n$/],
    [['user', 'PERSON1@example.com'], /^email +person1@example\.com$/m],
    [['top', '--by', 'calls'], /^person2@example\.com /m],
    [['sessions'], /^SESSION .*\n(s-.*\n)+$/],
    [['session', handle], /^client\.name +cursor$/m],
    [['workers'], /^WORKER +PROCESS +PHASE .*\n(w-.*\n)+$/],
    [['worker', worker], /^phase +ready$/m],
    [['nodes'], /^GATEWAY +ASKED +REACHED +WORKERS +AT MOST\n\S+ +yes +yes +\d+ +\d+\n$/],
    [['me'], /^name +admin\nrole +admin\nactor +admin\n$/],
    [['config'], /^config\.ADMIN_TOKEN +\(set\)$/m],
    [['ready'], /^ready +yes\nchecks\.store +ok$/m],
    [['health'], /^status +ok$/m],
    [['metrics'], /^gmail_mcp_workers\{state="ready"\} \d+$/m],
    [['openapi'], /"openapi": "3\.1\.0"/],
    [['kill', handle], /^ended +s-\w+\n\ninFlight: none\n$/],
    [['end-sessions', ann.sub], /^none\n$/],
    [['stop-worker', worker, '--mode', 'now'], /^stopped +w-/],
    [['recycle'], /^(w-\w+\n)+$/],
    [['block', ben.sub], /^state +blocked$/m],
    [['unblock', 'person2@example.com'], /^state +active$/m],
    [['revoke-token', ben.sub, token], /^revoked +/],
    [['drain'], /^accepting +no\n$/],
    [['undrain'], /^accepting +yes\n$/],
    [['reload'], /^putOut +0$/m],
    [['erase', 'person2@example.com', '--yes'], /^erased +\d+$/m],
    [['audit', '--format', 'ndjson'], /^\{"at":.*"action":"erase".*\}\n(\{.*\}\n)+$/],
    [['audit'], /^TIME +WHO +DID +TO +REASON\n/]
  ]
  for (const [line, says] of tried) {
    const { code, said, noted } = await admin(line)
    t.same([code, noted], [0, ''], line.join(' '))
    t.match(said, says, line.join(' '))
  }
  const did = new Set(tried.map(([[name]]) => name))
  const others = COMMANDS.map(({ command }) => command).filter((name) => !did.has(name))
  t.same(others.sort(), ['calls', 'events', 'kill-calls', 'revoke-client'], 'tried elsewhere')
})

t.test('a long list comes whole, the audit by pages', async (t) => {
  const { users } = z
    .object({ users: z.array(z.unknown()) })
    .parse(JSON.parse((await admin(['users', '--json'])).said))
  t.equal(users.length, 3)
  const one = await admin(['users', '--limit', '1'])
  t.match(one.noted, /--cursor \d+\.$/)
  const page = await admin(['audit', '--limit', '2'])
  const cursor = /--cursor (\d+)/.exec(page.noted)?.[1] ?? ''
  t.notSame((await admin(['audit', '--limit', '2', '--cursor', cursor])).said, page.said)
})

t.test('exit codes tell what was wrong', async (t) => {
  const wrong: [code: number, line: string[], says: RegExp, env?: Record<string, string>][] = [
    [2, ['session', 's-none'], /There is no session s-none/],
    [2, ['revoke-client', 'person0@example.com', 'none'], /There is no client none/],
    [1, ['kill-calls'], /Say which calls/],
    [64, ['kill'], /takes <handle>/],
    [64, ['workers', 'w-1'], /takes no name/],
    [64, ['calls', '--older-than', 'long'], /--older-than/],
    [64, ['calls', '--olderThan', '1'], /Unknown option '--olderThan'/],
    [64, ['calls', '--reason', 'x'], /Unknown option '--reason'/],
    [64, ['usres'], /did you mean users/],
    [64, ['erase', 'person0@example.com'], /Nothing was done.*--yes/s],
    [
      69,
      ['users'],
      /Nobody answers at http:\/\/127\.0\.0\.1:9 /,
      { ADMIN_URL: 'http://127.0.0.1:9' }
    ],
    [77, ['users'], /ERR_UNAUTHORIZED.*ADMIN_TOKEN_FILE/, { ADMIN_URL: gateway.opsUrl }],
    [77, ['users'], /ERR_UNAUTHORIZED/, { ...environment, ADMIN_TOKEN: 'wrong' }],
    [
      77,
      ['users'],
      /This takes the role read/,
      { ...environment, ADMIN_TOKEN: settings.METRICS_TOKEN }
    ],
    [78, ['users'], /ADMIN_URL must be/, { ADMIN_URL: 'localhost' }],
    [78, ['users'], /ADMIN_URL must be/, { ADMIN_URL: 'http://user:secret@127.0.0.1:1' }],
    [78, ['users'], /cannot be read \(ENOENT\)/, { ADMIN_TOKEN_FILE: '/nowhere/token' }],
    [78, ['users'], /is not one word/, { ADMIN_TOKEN: 'two words' }]
  ]
  for (const [code, line, says, env] of wrong) {
    const heard = await admin(line, env)
    t.equal(heard.code, code, line.join(' '))
    t.match(heard.noted, says)
    t.equal(heard.said, '', 'nothing on stdout')
    t.notMatch(heard.noted, 'secret')
  }
  t.match(
    (await gateway.admin('GET', '/admin/users/person0@example.com')).status,
    200,
    'not erased'
  )
  await admin(['drain'])
  const drained = await admin(['ready'])
  t.match([drained.code, drained.said], [1, /checks\.accepting +drained by an operator/])
  await admin(['undrain'])
})

const Named = z.object({
  sessions: z.array(z.object({ client: z.object({ name: z.string() }) }))
})

// A client says its own name; a terminal obeys what stands in it (ECMA-48 control functions, Unicode UAX #9).
t.test('what others wrote cannot speak to the terminal', async (t) => {
  const name = 'nice\u001b]0;owned\u0007\u009b2J\u202eeman'
  await openSession(endpointOf(gateway, 0), name)
  for (const line of [['sessions'], ['sessions', '--json'], ['user', endpointOf(gateway, 0).sub]]) {
    const { said } = await admin(line)
    t.match(said, '\\u001b]0;owned', line.join(' '))
    t.notMatch(said.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u, line.join(' '))
  }
  const { sessions } = Named.parse(JSON.parse((await admin(['sessions', '--json'])).said))
  t.ok(
    sessions.some(({ client }) => client.name === name),
    'JSON has the name as it is'
  )
})

t.test('the program takes address and token from the environment and files', async (t) => {
  const file = join(t.testdir(), 'token')
  writeFileSync(file, `${gateway.adminToken}\n`)
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['ops/admin.ts', ...args], {
      env: { ADMIN_URL: gateway.opsUrl, OPERATOR_TOKEN_FILE: file }
    })
  t.match((await run('me', '--json')).stdout, /"role": "admin"/)
  await t.rejects(run('session', 's-none'), { code: 2, stderr: /There is no session/ })
  t.match((await run('--help')).stdout, /npm run admin/)
})

t.test('events come as lines, until the gateway ends them', async (t) => {
  let said = ''
  const heard = Promise.withResolvers<void>()
  const voice = {
    say(text: string) {
      said += `${text}\n`
      if (said.includes('session_started')) heard.resolve()
    },
    note() {}
  }
  const request = readRequest(['events'])
  if (request.kind !== 'do') throw new Error('this is help')
  const other = await startGateway({ settings, google: peopleOf(1) })
  const connection = openConnection({ ADMIN_URL: other.opsUrl, ADMIN_TOKEN: other.adminToken })
  let isOpen = false
  const following = perform(
    request,
    {
      async ask(...asked) {
        const response = await connection.ask(...asked)
        isOpen = true
        return response
      }
    },
    voice
  )
  const ended = following.catch((error: unknown) => error)
  await until(() => isOpen)
  await openSession(endpointOf(other, 0), 'claude-code')
  await heard.promise
  t.match(said, /^\S+Z {2}worker_ready {2}userId=\d+ {2}worker=w-\w+$/m)
  t.match(said, /^\S+Z {2}session_started {2}.*client=claude/m)
  await other.close()
  const end = await ended
  t.ok(end === 0 || end instanceof Failed, 'it ends with the gateway')
})
