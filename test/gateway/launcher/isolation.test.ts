import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { confine } from '../../../gateway/launcher/confinement.ts'
import { reportOf } from '../../../gateway/launcher/isolation-report.ts'
import { Findings, PROBE_PROGRAM, selfTest } from '../../../gateway/launcher/isolation-self-test.ts'
import type { Launched } from '../../../gateway/launcher/launcher.ts'
import { nodeFlags } from '../../../gateway/launcher/node-flags.ts'
import {
  nonDumpableNode,
  removeNodes,
  restoreNode
} from '../../../gateway/launcher/non-dumpable-node.ts'
import { runPaths } from '../../../gateway/launcher/run-paths.ts'
import { parseUidRange, UidPool } from '../../../gateway/launcher/uid-pool.ts'
import { systemClock } from '../../../shared/clock.ts'
import { GatewayError } from '../../../shared/errors.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { launcherOf, PLAIN, shortDirectory } from '../../helpers/launch-fixture.ts'
import { settled } from '../../helpers/settled.ts'
import { notByRootsWorkers } from '../../helpers/somebody-else.ts'
import { until } from '../../helpers/until.ts'

const GATEWAY = fileURLToPath(new URL('../../fixtures/gateways/isolates.ts', import.meta.url))
const NODE = process.execPath
const somebody = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups']
const needsRoot = whyNobodyElse()

/** Why this cannot be run as other users; false when it can. */
function whyNobodyElse(): string | false {
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0
  if (!isRoot || !existsSync('/usr/bin/setpriv'))
    return 'needs root on Linux, to become other users'
  const [file = '', ...as] = somebody
  const { status } = spawnSync(file, [...as, 'test', '-r', GATEWAY])
  return status === 0 ? false : 'needs a directory of this project that other users may enter'
}

/** Runs the gateway fixture as somebody, and reads what it found. */
function gateway(as: readonly string[], args: readonly string[]) {
  // Without tap's own settings, which other users cannot follow.
  const command = [...as, '/usr/bin/env', '-i', NODE, GATEWAY, ...args]
  const [file = NODE, ...rest] = command
  return JSON.parse(execFileSync(file, rest, { encoding: 'utf8', cwd: '/' }))
}

const needsLinux = { skip: process.platform === 'linux' ? false : 'needs Linux' }
const root: string[] = []
/** As in a container with `cap_drop: ALL` and three capabilities given back. */
const containerRoot = ['setpriv', '--bounding-set=-all,+setuid,+setgid,+kill', '--inh-caps=-all']

/** Whether this user may make user namespaces at all. */
const mayMakePlaces =
  process.platform === 'linux' &&
  spawnSync('unshare', ['--user', '--map-root-user', '--net', 'true']).status === 0
const noPlace = { skip: mayMakePlaces ? notByRootsWorkers : 'needs user namespaces' }
const noBubblewrap = {
  skip:
    mayMakePlaces && existsSync('/usr/bin/bwrap')
      ? notByRootsWorkers
      : 'needs bubblewrap and user namespaces'
}
/** Who the gateway may be, with the first of its user ids: as root all of them, else the one that runs this. */
const WHO: [as: readonly string[], firstUid: string][] = needsRoot
  ? [[[], '-']]
  : [
      [root, '-'],
      [root, '200000'],
      [containerRoot, '200000'],
      [[...somebody, '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'], '-']
    ]

function directory(t: Test): string {
  const path = shortDirectory(t)
  chmodSync(path, 0o777) // every user makes its own in it
  return join(path, 'run')
}

const OPEN_WITHOUT_NAMESPACES = [
  'A worker could see the command lines of others.',
  'A worker could connect to ports of this machine and to other addresses.',
  'A worker could listen beside the gateway.',
  'A worker could fill a disk that others use.',
  'A worker could leave a program that runs as its user.'
]

t.test('with a range of user ids every worker is somebody else', { skip: needsRoot }, async (t) => {
  for (const as of [root, containerRoot]) {
    const args = [directory(t), '200000', 'must-hold', '-', 'uids']
    const { isolation, mostWorkers, answer } = gateway(as, args)
    t.match(isolation, { mode: 'uids' })
    t.strictSame(isolation.missing, OPEN_WITHOUT_NAMESPACES)
    t.match(isolation.layers[0], 'a user id for each worker')
    t.equal(mostWorkers, 2, 'one id is the readiness probe’s')
    t.ok(answer.uid >= 200_000 && answer.uid <= 200_002)
  }
})

t.test(
  'in a place of its own a worker reaches nothing, whoever the gateway is',
  noPlace,
  async (t) => {
    for (const [as, uid] of WHO) {
      const { isolation } = gateway(as, [directory(t), uid, 'must-hold'])
      t.match(isolation, { mode: 'namespaces', missing: [] })
    }
  }
)

t.test('without bubblewrap the tools of util-linux make the same place', noPlace, async (t) => {
  for (const [as, uid] of WHO) {
    const args = [directory(t), uid, 'must-hold', '-', 'namespaces', 'bubblewrap']
    const { isolation } = gateway(as, args)
    t.match(isolation, { mode: 'namespaces', missing: [] })
    t.match(isolation.layers[0], 'util-linux')
  }
})

const WITHOUT: [wall: string, named: RegExp][] = [
  [
    'files',
    /read the gateway’s keys.*read the database.*write the database.*into the gateway’s directories.*fill a disk/
  ],
  ['network', /connect to ports of this machine.*listen beside the gateway/],
  ['processes', /command lines of others.*end the gateway.*end another one.*take the processor/],
  ['read-only', /fill a disk.*leave a program/],
  ['channel', /^A worker could confuse the gateway\.$/]
]

t.test('the probe names each wall that is taken away', noBubblewrap, async (t) => {
  const [as] = WHO.at(-1) ?? [root]
  for (const [wall, named] of WITHOUT) {
    const { isolation } = gateway(as, [directory(t), '-', '-', '-', 'namespaces', wall])
    t.match(isolation.missing.join(' '), named, wall)
  }
  const refused = gateway(as, [directory(t), '-', 'must-hold', '-', 'namespaces', 'files'])
  t.match(refused, { error: { code: 'ERR_CONFIG', message: /do not hold.*gateway’s keys/ } })
})

t.test(
  'the probe names each wall between users that is taken away',
  { skip: needsRoot },
  async (t) => {
    // What would be everybody's then is more than a gateway takes: it stops, and says why.
    const why = (wall: string): string => {
      const refused = gateway(root, [directory(t), '200000', '-', '-', 'uids', wall])
      t.match(refused, { error: { code: 'ERR_CONFIG' } })
      return refused.error.message
    }
    t.match(why('privileges'), /do not hold here\. Workers could gain privileges\.$/)
    const users = why('users')
    t.match(users, /read the gateway’s keys.*write the database.*into the gateway’s directories/)
    t.match(users, /end the gateway.*end another one.*take the processor/)
  }
)

t.test('the probe sees whether node can be looked into', { skip: needsRoot }, async (t) => {
  const missing = (...wall: string[]): string =>
    gateway(somebody, [directory(t), '-', '-', '-', 'none', ...wall]).isolation.missing.join()
  t.match(missing('hidden-node'), /memory of another one.*trace another one/)
  t.notMatch(missing(), /memory of another one|trace another one/)
})

t.test('a probe that cannot be launched leaves nothing open', async (t) => {
  const listening = () =>
    process.getActiveResourcesInfo().filter((each) => each === 'TCPServerWrap').length
  const before = listening()
  const attempt = selfTest({
    clock: systemClock,
    gatewayPid: process.pid,
    files: [],
    assets: { keys: [], databases: [], directories: [], doors: [] },
    launcher: () => ({
      launch() {
        throw new GatewayError('ERR_WORKER_CAPACITY', 'There is no user id left.')
      },
      close: async () => {}
    })
  })
  await t.rejects(attempt, { code: 'ERR_WORKER_CAPACITY' })
  t.ok(await until(() => listening() === before))
})

t.test('the probe sees whether what it says is taken for what it is', needsLinux, async (t) => {
  const seenBy = async (hear: (launched: Launched) => Launched): Promise<boolean> => {
    const { confusesGateway } = await selfTest({
      clock: systemClock,
      gatewayPid: process.pid,
      files: [PROBE_PROGRAM],
      assets: { keys: [], databases: [], directories: [], doors: [] },
      launcher(env) {
        const launcher = launcherOf(t, '', { entry: PROBE_PROGRAM, env })
        return { launch: () => hear(launcher.launch()), close: () => launcher.close() }
      }
    })
    return confusesGateway
  }
  t.equal(await seenBy((launched) => launched), false)
  // A gateway that notices nothing: its workers end as any other.
  const blindly = (launched: Launched): Launched =>
    Object.create(launched, {
      ready: { value: launched.ready },
      channel: { value: launched.channel },
      kill: { value: (signal: 'SIGKILL') => launched.kill(signal) },
      diagnose: { value: () => launched.diagnose() },
      gone: { value: launched.gone.then((end) => ({ ...end, offence: undefined })) },
      pid: { get: () => launched.pid }
    })
  t.equal(await seenBy(blindly), true)
})

t.test(
  'with the real Gmail and no wall the gateway says what to do',
  { skip: needsRoot },
  async (t) => {
    const args = (wanted: string, mustHold = 'must-hold') => [
      directory(t),
      '-',
      mustHold,
      '-',
      wanted
    ]
    t.match(gateway(somebody, args('uids')), {
      error: { code: 'ERR_CONFIG', message: /ISOLATION=uids needs WORKER_UIDS/ }
    })
    const { isolation, answer } = gateway(somebody, args('none'))
    t.match(isolation, { mode: 'none' })
    t.match(isolation.missing, ['A worker could read the gateway’s keys.'])
    t.equal(answer.uid, 1000, 'and runs when it is told to')
    t.match(gateway(somebody, [directory(t), '200000', 'must-hold', '-', 'uids']), {
      error: { code: 'ERR_CONFIG', message: /WORKER_UIDS.*SETUID, SETGID and KILL/ }
    })
  }
)

t.test('root’s workers share a user that is not root', { skip: needsRoot }, async (t) => {
  const { isolation, answer } = gateway(root, [directory(t), '-', '-', '-', 'none'])
  t.equal(answer.uid, 65_534)
  t.match(isolation.missing.join(' '), /could end another one/)
  t.notMatch(isolation.missing.join(), 'of the gateway')
})

t.test('node is copied once, to a file that runs but cannot be read', needsLinux, async (t) => {
  const path = shortDirectory(t)
  const hidden = nonDumpableNode(NODE, [join(path, 'missing', '\0'), path])
  t.equal(hidden.isNonDumpable, true)
  const { ino, mode } = statSync(hidden.path)
  t.equal(mode & 0o777, 0o111)
  t.equal(statSync(nonDumpableNode(NODE, [join(path, 'missing', '\0'), path]).path).ino, ino)
  t.strictSame(nonDumpableNode(hidden.path, [path]), hidden, 'a hidden one is taken as it is')
  const theirs = shortDirectory(t)
  chmodSync(theirs, 0o777)
  t.strictSame(nonDumpableNode(NODE, [theirs]), { path: NODE, isNonDumpable: false })
})

// What clears temporary directories (systemd-tmpfiles, after 10 days) takes files that run, too.
t.test('a copy that was cleared away is made again, and none is left', needsLinux, async (t) => {
  const path = shortDirectory(t)
  const hidden = nonDumpableNode(NODE, [path])
  const { size } = statSync(hidden.path)
  rmSync(hidden.path)
  restoreNode(hidden.path, [hidden.path, NODE])
  t.equal(statSync(hidden.path).size, size)
  t.equal(statSync(hidden.path).mode & 0o777, 0o111)
  rmSync(path, { recursive: true })
  restoreNode(hidden.path, ['/none', NODE])
  t.equal(statSync(hidden.path).size, size, 'with its directory')
  mkdirSync(join(path, '123-456'))
  removeNodes([path, join(path, 'missing')])
  t.same(readdirSync(path).length, 2, 'another gateway runs from it')
  rmSync(join(path, '123-456'), { recursive: true })
  removeNodes([path])
  t.same(readdirSync(path), [])
  t.doesNotThrow(() => restoreNode(hidden.path, ['/none']))
})

t.test('the copy lies in RUN_DIR', (t) => {
  t.equal(runPaths('/run/gmail-mcp').nodeDirectories[0], '/run/gmail-mcp')
  t.equal(runPaths(undefined).nodeDirectories.length, 1)
  t.end()
})

t.test('the layers wrap one another, privileges first', async (t) => {
  const all = {
    ...PLAIN,
    node: '/n',
    setpriv: '/s',
    prlimit: '/p',
    env: '/e',
    dataBytes: 7,
    mostFiles: 256,
    nodeLimits: { readable: ['/app'], heapMebibytes: 96 }
  }
  const line = confine(all).cell().command.join(' ')
  t.match(line, /^\/s .*\/p .*--nofile=256 --data=7 .*\/e -u NODE_OPTIONS \/n --permission /)
  t.notMatch(line, 'reuid')
  t.match(confine({ ...all, identity: { kind: 'one', uid: 9 } }).cell(), { uid: 9 })
  const bare = { ...all, setpriv: undefined, prlimit: undefined, env: undefined }
  t.strictSame(confine({ ...bare, nodeLimits: undefined }).cell().command, ['/n'])
  const none = Object.fromEntries(
    Object.keys(Findings.shape).map((name) => [name, name !== 'becomesRoot'])
  ) as Findings
  t.equal(reportOf(bare, none).layers.length, 1)
  t.ok(reportOf(bare, none).missing.length >= 9)
  t.strictSame(
    nodeFlags({ readable: ['/a', '/b'], heapMebibytes: 96 }).filter((flag) => /allow/.test(flag)),
    ['--allow-fs-read=/a', '--allow-fs-read=/b', '--allow-worker']
  )
})

t.test('a user id is given again only when no process of it is left', async (t) => {
  const clock = new FakeClock()
  const left = new Map([[2, [77]]])
  const killed: number[] = []
  const slots = new UidPool({
    range: { first: 1, last: 2 },
    clock,
    processesOf: async (uid) => left.get(uid) ?? [],
    kill: (pid) => void killed.push(pid),
    claims: { claim: () => true, giveBack() {} }
  })
  t.strictSame([slots.take(), slots.take()], [1, 2])
  t.throws(() => slots.take(), { code: 'ERR_WORKER_CAPACITY' })
  const freed = slots.free(2)
  await settled()
  t.strictSame(killed, [77])
  t.throws(() => slots.take(), { code: 'ERR_WORKER_CAPACITY' })
  left.clear()
  clock.advance(25)
  await freed
  await slots.free(1)
  t.equal(slots.take(), 2, 'the one that has been free the longest')
  left.set(2, [78])
  const stuck = slots.free(2)
  for (let tries = 0; tries < 40; tries++) {
    await settled()
    clock.advance(25)
  }
  await stuck
  t.equal(slots.take(), 1)
  t.throws(() => slots.take(), 'an id whose process does not die is not given')
  await settled()
  left.clear()
  t.throws(() => slots.take(), { code: 'ERR_WORKER_CAPACITY' })
  t.throws(() => slots.take(), { code: 'ERR_WORKER_CAPACITY' })
  await settled()
  t.equal(slots.take(), 2, 'it is tried again when it is wanted')
  t.throws(() => slots.take(), 'and it is free once only')
})

t.test('a user id that could not be looked at comes back with the next one', async (t) => {
  const clock = new FakeClock()
  let isBlind = true
  const slots = new UidPool({
    range: { first: 1, last: 2 },
    clock,
    processesOf: async () => {
      if (isBlind) throw new Error('no file descriptor is left')
      return []
    },
    kill: () => t.fail('nothing is there to be killed'),
    claims: { claim: () => true, giveBack() {} }
  })
  t.strictSame([slots.take(), slots.take()], [1, 2])
  const blind = slots.free(1)
  for (let tries = 0; tries < 40; tries++) {
    await settled()
    clock.advance(25)
  }
  await blind
  isBlind = false
  await slots.free(2)
  await settled()
  t.strictSame([slots.take(), slots.take()].sort(), [1, 2])
})

t.test('a range of user ids has two at least, and not root', async (t) => {
  t.strictSame(parseUidRange('200000-200999'), { first: 200_000, last: 200_999 })
  for (const text of ['0-5', '7-7', '9-8', 'x-y']) {
    t.throws(() => parseUidRange(text), { code: 'ERR_CONFIG', message: /WORKER_UIDS/ })
  }
})
