import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startSandbox } from '../ops/sandbox/sandbox.ts'
import { chaptersOf, pasted, reworded } from './helpers/chapters.ts'
import { openGatewayHome } from './helpers/gateway-home.ts'
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

// docs/runbook.md as somebody follows it at night: each block, after the one that opens the document, on a gateway whose
// journal has what systemd puts there as well. What this machine has not (systemd) is stood in for.

const chapters = chaptersOf('docs/runbook.md')
const [OPENING = '', FIRST_OF_ALL = ''] = chapters.get('Runbook') ?? []

/** As systemd 252 takes them; anything else is a mistake of the document. */
const STAND_INS = {
  journalctl: `[ "$1 $2 $3 $4" = '-u gmail-mcp@* -o cat' ] || exit 64
case "\${5-} \${6-}" in ' '|'--since -'[1-9]*[mhd]) cat "$JOURNAL" ;; *) exit 64 ;; esac`,
  systemctl: `[ "$*" = 'status gmail-mcp@*' ] && echo active`,
  timedatectl: 'echo synchronized: yes',
  npm: `[ "$1" = start ] || shift
exec node --run "$@"` // the same scripts, without the second that npm takes to find them
}

t.test('every block of the runbook does what it says', async (t) => {
  const google = await startSandbox({
    users: ['anna', 'ben'].map((name) => ({ email: `${name}@example.com`, empty: true }))
  })
  t.teardown(() => google.close())
  const directory = t.testdir()
  const home = await openGatewayHome(t, {
    users: google,
    settings: {
      WORKER_ENTRY: fixtureWorker('tools'),
      ALLOWED_EMAILS_FILE: join(directory, 'allowed'),
      PATH: process.env.PATH ?? ''
    }
  })
  const [anna, ben] = home.users.map(({ token, email }) => ({ url: home.url, token, email }))
  if (!anna || !ben) throw new Error('two people were asked for')
  const file = (name: string, text: string, mode = 0o600): string => {
    writeFileSync(join(directory, name), text, { mode })
    return join(directory, name)
  }
  file('allowed', `${anna.email}\n${ben.email}\n`)
  mkdirSync(join(directory, 'bin'))
  for (const [name, text] of Object.entries(STAND_INS))
    chmodSync(file(join('bin', name), `#!/bin/sh\n${text}\n`), 0o755)
  const { PATH = '', ...settings } = home.settings
  const env = { PATH: `${join(directory, 'bin')}:${PATH}`, JOURNAL: join(directory, 'journal') }
  const opening = reworded(OPENING, {
    '/opt/gmail-mcp/a': process.cwd(),
    '/etc/gmail-mcp/gateway.env': file(
      'gateway.env',
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join('')
    ),
    '~/.gmail-mcp-token': file('token', `${home.settings.ADMIN_TOKEN}\n`)
  })
  const gateway = home.start()
  await gateway.said('"ready"')

  const headers = { authorization: `Bearer ${home.settings.ADMIN_TOKEN}` }
  const names = async (): Promise<Record<string, string>> => {
    const [worker] = await home.workers()
    const response = await fetch(`${home.ops}/admin/sessions?user=${ben.email}`, { headers })
    const { sessions } = (await response.json()) as { sessions: { handle: string }[] }
    return {
      'w-01234567': worker?.id ?? 'w-01234567',
      's-0123456789ab': sessions[0]?.handle ?? 's-0123456789ab'
    }
  }
  /** What an operator reads who pastes the block. */
  const paste = async (block: string, where: string): Promise<string> => {
    file('journal', `Started Gmail MCP gateway (a).\n${gateway.output()}gmail-mcp@a: Succeeded.\n`)
    let text = block
      .replaceAll(/--older-than \d+/g, '--older-than 0')
      .replaceAll('https://gmail.googleapis.com/', `${home.ops}/health`)
      .replaceAll('vmstat 1 5', 'vmstat 1 1')
      .replaceAll('/var/backups/gmail-mcp/', `${join(directory, 'backups')}/`)
    for (const [from, to] of Object.entries(await names())) text = text.replaceAll(from, to)
    const { status, output } = await pasted(`${opening}\n${text}`, env)
    t.equal(status, 0, `${where}: ${output}`)
    t.notMatch(output, /parse error|jq: error/, where)
    return output
  }
  const echo = async (to: { url: string; token: string }) => {
    const response = await send(to, modernCall('echo', { text: 'hi' }))
    return response.status === 200 ? textOf(await messageOf(response)) : response.status
  }
  const done = new Set<string>()
  const follow = async (chapter: string): Promise<readonly string[]> => {
    done.add(chapter)
    const said: string[] = []
    for (const [n, block] of (chapters.get(chapter) ?? []).entries())
      said.push(await paste(block, `${chapter} ${n}`))
    return said
  }

  t.match(await paste(FIRST_OF_ALL, 'first of all'), /"?ready"?[\s\S]*ok +store[\s\S]*/)
  done.add('Runbook')

  await t.test('a stuck call is found and ended, and the worker that held it', async (t) => {
    const session = await openSession(anna)
    const stuck = send(anna, { session, body: call('wait', { ms: 600_000, text: '' }) })
    await until(async () => {
      const response = await fetch(`${home.ops}/admin/calls?user=${anna.email}`, { headers })
      return (await response.text()).includes('"wait"')
    })
    const [worker] = await home.workers()
    const [calls] = await follow('GmailMcpCallStuck')
    t.match(calls, /wait/)
    t.match(await messageOf(await stuck), { error: { data: { code: 'ERR_CALL_ENDED' } } })
    t.notOk((await home.workers()).some(({ id }) => id === worker?.id))
    t.equal(await echo(anna), 'hi')
  })

  await t.test('a session that never comes back is ended', async (t) => {
    const session = await openSession(ben)
    await follow('GmailMcpResumeBurnsFast')
    const { status } = await send(ben, { session, body: call('echo', { text: 'x' }) })
    t.equal(status, 404, 'its client opens another one')
  })

  await t.test('a person is blocked, and let in again', async (t) => {
    const blocks = chapters.get('GmailMcpWorkerOffence') ?? []
    done.add('GmailMcpWorkerOffence')
    await paste(blocks[0] ?? '', 'block')
    t.equal(await echo(anna), 403)
    t.equal(await echo(ben), 'hi')
    await paste(blocks[1] ?? '', 'unblock')
    t.equal(await echo(anna), 'hi')
  })

  await t.test('who drained it is found, and calls are let in again', async (t) => {
    await fetch(`${home.ops}/admin/drain`, { method: 'POST', headers })
    t.equal(await echo(ben), 503)
    const [said] = await follow('GmailMcpNotAccepting')
    t.match(said, /drain/)
    t.equal(await echo(ben), 'hi')
  })

  await t.test('the other sections can be followed', async () => {
    for (const chapter of chapters.keys())
      if (!done.has(chapter) && chapter !== 'Without an alert') await follow(chapter)
  })

  await t.test('who leaves is out; it drains; a backup is there', async (t) => {
    file('allowed', `${ben.email}\n`)
    await follow('Without an alert')
    t.equal(await echo(anna), 401)
    t.equal(await echo(ben), 'hi')
    t.match(readdirSync(join(directory, 'backups')), [/^gateway-.*\.sqlite$/])
  })

  t.same(new Set(chapters.keys()), new Set([...done, ...silent()]), 'nothing was left out')
})

/** Chapters without a command. */
const silent = (): string[] =>
  [...chapters].flatMap(([name, blocks]) => (blocks.length === 0 ? [name] : []))

t.test('what is looked for in the log is what the gateway writes', (t) => {
  const text = [...chapters.values()].flat().join('\n')
  const sources = readdirSync('.', { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(gateway|worker|shared)\/.*\.ts$/.test(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n')
  const words = [
    ...text.matchAll(/(?:\.event|\.msg|\.said|\.fault|\.result|\.message) == "([^"]+)"/g),
    ...text.matchAll(/(?:startswith|test)\("([^"]+)"\)/g),
    ...text.matchAll(/IN\(([^)]+)\)/g)
  ].flatMap(([, found = '']) => found.replaceAll('"', '').split(/, ?/))
  t.ok(words.length > 15)
  for (const one of new Set(words)) t.ok(sources.includes(one), one)
  t.end()
})

t.test('no command of the documents for operators has a token on it', (t) => {
  for (const name of [
    'runbook',
    'day-two',
    'operate',
    'watching',
    'deploy',
    'faults',
    'many-machines'
  ])
    t.notMatch(readFileSync(`docs/${name}.md`, 'utf8'), /Bearer \$|--token|TOKEN=[^\s"$]/, name)
  t.end()
})
