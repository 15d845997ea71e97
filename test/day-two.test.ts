import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { chaptersOf, pasted, reworded } from './helpers/chapters.ts'
import { type GatewayProcess, openGatewayHome } from './helpers/gateway-home.ts'
import {
  call,
  fixtureWorker,
  messageOf,
  modernCall,
  openSession,
  send,
  textOf,
  until
} from './helpers/mcp-http.ts'

// docs/day-two.md is all that an operator has in the night: its own commands are run here, with the names of
// this gateway in the place of those of the document.

const chapters = chaptersOf('docs/day-two.md')
const ANNA = 'anna@example.com'

t.test('the commands of the document do what it says', async (t) => {
  const home = await openGatewayHome(t, {
    users: 2,
    settings: { WORKER_ENTRY: fixtureWorker('tools') }
  })
  const directory = dirname(home.settings.SECRETS_FILE ?? '')
  const [anna, ben] = home.users.map(({ token, email }) => ({ url: home.url, token, email }))
  if (!anna || !ben) throw new Error('two people were asked for')
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const env: Record<string, string> = {
    ...home.settings,
    ALLOWED_EMAILS_FILE: file('allowed-emails', `${anna.email}\n${ben.email}\n`),
    OPERATOR_TOKEN_FILE: file('operator-token', home.settings.ADMIN_TOKEN ?? '')
  }
  const groups: number[] = []
  t.teardown(() => {
    for (const pid of groups)
      try {
        process.kill(-pid, 'SIGKILL')
      } catch {} // it has ended
  })
  /** Block `n` of a chapter. */
  const follow = async (chapter: string, n = 0, words: Record<string, string> = {}) => {
    const block = chapters.get(chapter)?.[n]
    if (block === undefined) throw new Error(`there is no block ${n} in ${chapter}`)
    const { status, output, pid } = await pasted(reworded(block, words), env)
    groups.push(pid)
    t.equal(status, 0, `${chapter}: ${output}`)
    return output
  }
  const log = (name: string): string => join(directory, name)
  const ready = async (): Promise<number> => (await fetch(`${home.ops}/ready`)).status
  const echo = async (to: { url: string; token: string }) => {
    const response = await send(to, modernCall('echo', { text: 'hi' }))
    return response.status === 200 ? textOf(await messageOf(response)) : response.status
  }
  const stop = async (running: GatewayProcess): Promise<void> => {
    running.kill('SIGTERM')
    await running.gone
  }
  /** One that the document's commands started: it is the only one on the ports. */
  const stopStarted = async (): Promise<void> => {
    process.kill(-(groups.at(-1) ?? 0), 'SIGTERM')
    await until(() =>
      fetch(`${home.ops}/health`).then(
        () => false,
        () => true
      )
    )
  }

  let gateway = home.start(env)
  await gateway.said('"ready"')

  t.test('a stuck call is found and ended, then its process', async (t) => {
    const session = await openSession(anna)
    const stuck = send(anna, { session, body: call('wait', { ms: 600_000, text: '' }) })
    await until(async () => {
      const { output } = await pasted('npm run admin -- calls --json', env)
      return output.includes('"wait"')
    })
    const said = await follow('A call hangs', 0, {
      '--older-than 30': '--older-than 0',
      [ANNA]: anna.email
    })
    t.match(said, /wait/)
    t.match(await messageOf(await stuck), { error: { data: { code: 'ERR_CALL_ENDED' } } })
    const [worker] = await home.workers()
    await follow('A call hangs', 1, { 'w-1': worker?.id ?? '' })
    t.notOk((await home.workers()).some(({ id }) => id === worker?.id))
    t.equal(await echo(anna), 'hi', 'the next call gets another process')
  })

  t.test('who is blocked has nothing within five seconds', async (t) => {
    const session = await openSession(anna)
    const stream = await send(anna, { method: 'GET', session })
    const hanging = send(anna, { session, body: call('wait', { ms: 600_000, text: '' }) })
    await follow('Block a person', 0, { [ANNA]: anna.email })
    const since = performance.now()
    await stream.text().catch(() => {})
    await hanging.then((response) => response.text()).catch(() => {})
    t.equal(await echo(anna), 403)
    t.not((await send(anna, { session, body: call('echo', { text: 'x' }) })).status, 200)
    t.ok(performance.now() - since < 5000, 'stream, call, token and session are dead')
    t.equal(await echo(ben), 'hi', 'nobody else notices')
    await follow('Block a person', 1, { [ANNA]: anna.email })
    t.equal(await echo(anna), 'hi')
  })

  t.test('a drained gateway takes no calls until it is told to', async (t) => {
    await follow('Drain', 0)
    t.equal(await ready(), 503)
    t.equal(await echo(ben), 503)
    await follow('Drain', 1)
    t.equal(await ready(), 200)
    t.equal(await echo(ben), 'hi')
  })

  t.test('a new version takes over while somebody calls without a pause', async (t) => {
    let isCalling = true
    const answers: unknown[] = []
    const calling = (async () => {
      while (isCalling) answers.push(await echo(ben).catch(String))
    })()
    await follow('Upgrade without a gap', 0, { '/var/log/gmail-mcp/new.log': log('new.log') })
    t.equal(await gateway.gone, 0)
    isCalling = false
    await calling
    t.ok(answers.length > 0)
    t.same(new Set(answers), new Set(['hi']), `all of ${answers.length} were answered`)
    await stopStarted()
  })

  t.test('a backup is made while it runs, and restored where nothing is', async (t) => {
    gateway = home.start(env)
    await gateway.said('"ready"')
    const kept = join(directory, 'backups')
    t.match(
      await follow('Backup', 0, { '/var/backups/gmail-mcp/': `${kept}/` }),
      /SECRETS_FILE opens all 2/
    )
    await stop(gateway)
    const state = dirname(home.settings.DATABASE_URL?.slice('sqlite:'.length) ?? '')
    rmSync(state, { recursive: true })
    mkdirSync(state, { mode: 0o700 })
    const [name = ''] = readdirSync(kept)
    const said = await follow('Restore', 0, {
      '/var/backups/gmail-mcp/gateway-2026-11-28.sqlite': join(kept, name),
      '/var/log/gmail-mcp/gateway.log': log('restored.log')
    })
    t.match(said, anna.email, 'everybody is there again')
    t.equal(await echo(anna), 'hi', 'with what their clients have')
    await stopStarted()
  })

  t.test('keys are rotated while it runs, lost, and given up', async (t) => {
    gateway = home.start(env)
    await gateway.said('"ready"')
    t.match(await follow('Keys', 0), /2 grants sealed anew/)
    t.equal(await ready(), 200)
    await stop(gateway)
    chmodSync(env.SECRETS_FILE ?? '', 0o600)
    rmSync(env.SECRETS_FILE ?? '')
    const said = await follow('The file of keys is lost', 0, {
      '/var/log/gmail-mcp/gateway.log': log('lost.log')
    })
    t.match(said, /2 grants removed that these keys do not open/)
    t.equal(await ready(), 200)
    t.notMatch(readFileSync(log('lost.log'), 'utf8'), /ERR_VAULT/)
    await stopStarted()
  })

  t.test('who leaves is out, and is forgotten', async (t) => {
    gateway = home.start(env)
    await gateway.said('"ready"')
    const said = await follow('Somebody leaves', 0, {
      'anna@example\\.com': anna.email.replaceAll('.', '\\.'),
      [ANNA]: anna.email
    })
    t.match(said, /erase/)
    t.equal(await echo(anna), 401)
    t.notMatch((await pasted('npm run admin -- users', env)).output, anna.email)
    t.equal(await echo(ben), 'hi')
  })
})

t.test('every chapter with commands is tried', (t) => {
  const withCommands = [...chapters].filter(([, blocks]) => blocks.length > 0)
  t.same(
    withCommands.map(([name, blocks]) => `${name} ${blocks.length}`),
    [
      'Day two 1', // settings and token; here they come from the environment
      'A call hangs 2',
      'Block a person 2',
      'Somebody leaves 1',
      'Drain 2',
      'Upgrade without a gap 1',
      'Backup 1',
      'Restore 1',
      'Keys 1',
      'The file of keys is lost 1'
    ]
  )
  t.end()
})
