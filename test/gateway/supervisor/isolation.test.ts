import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { confine } from '../../../gateway/supervisor/confinement.ts'
import { hideNode } from '../../../gateway/supervisor/hidden-node.ts'
import { reportOf } from '../../../gateway/supervisor/isolation-report.ts'
import { nodeFlags } from '../../../gateway/supervisor/node-flags.ts'
import { parseUidRange, UidSlots } from '../../../gateway/supervisor/uid-slots.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { PLAIN, shortDirectory } from '../../helpers/launch-fixture.ts'
import { settled } from '../../helpers/settled.ts'

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

function directory(t: Test): string {
  const path = shortDirectory(t)
  chmodSync(path, 0o777) // every user makes its own in it
  return join(path, 'run')
}

t.test('with a range of user ids every worker is somebody else', { skip: needsRoot }, async (t) => {
  for (const as of [root, containerRoot]) {
    const { isolation, mostWorkers, answer } = gateway(as, [directory(t), '200000', 'must-hold'])
    t.match(isolation, { mode: 'uid', missing: [] })
    t.match(isolation.layers[0], 'a user id for each worker')
    t.equal(mostWorkers, 2, 'one id is the readiness probe’s')
    t.ok(answer.uid >= 200_000 && answer.uid <= 200_002)
  }
})

t.test('root’s workers share a user that is not root', { skip: needsRoot }, async (t) => {
  const { isolation, answer } = gateway(root, [directory(t), '-', 'must-hold'])
  t.strictSame(isolation.missing, ['A worker could end another one.'])
  t.equal(answer.uid, 65_534)
  // mkdtemp makes directories that only their owner enters: the unreadable node cannot be run there.
  const elsewhere = gateway(root, [join(shortDirectory(t, 0o700), 'run'), '-', 'must-hold'])
  t.equal(elsewhere.answer.uid, 65_534)
  t.strictSame(elsewhere.isolation.missing, [
    'A worker could read the memory of another one.',
    'A worker could end another one.'
  ])
})

t.test('an ordinary user’s gateway refuses to be read', { skip: needsRoot }, async (t) => {
  const path = directory(t)
  t.match(gateway(somebody, [path, '-', 'must-hold']), {
    error: { code: 'ERR_CONFIG', message: /could read the memory and the settings/ }
  })
  t.match(gateway(somebody, [path, '200000', 'must-hold']), {
    error: { code: 'ERR_CONFIG', message: /WORKER_UIDS.*SETUID, SETGID and KILL/ }
  })
  t.match(gateway(somebody, [path, '-', '-']).isolation.missing, [
    'A worker could read the memory of the gateway.'
  ])
  const { isolation, answer } = gateway(somebody, [path, '-', 'must-hold', 'conceal'])
  t.strictSame(isolation.missing, [
    'A worker could end the gateway.',
    'A worker could end another one.'
  ])
  t.equal(answer.uid, 1000)
})

t.test('node is copied once, to a file that runs but cannot be read', needsLinux, async (t) => {
  const path = shortDirectory(t)
  const hidden = hideNode(NODE, [join(path, 'missing', '\0'), path])
  t.equal(hidden.isHidden, true)
  const { ino, mode } = statSync(hidden.path)
  t.equal(mode & 0o777, 0o111)
  t.equal(statSync(hideNode(NODE, [join(path, 'missing', '\0'), path]).path).ino, ino)
  t.strictSame(hideNode(hidden.path, [path]), hidden, 'a hidden one is taken as it is')
  const theirs = shortDirectory(t)
  chmodSync(theirs, 0o777)
  t.strictSame(hideNode(NODE, [theirs]), { path: NODE, isHidden: false })
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
  const none = {
    readsProgram: true,
    readsGateway: true,
    signalsGateway: true,
    readsSibling: true,
    signalsSibling: true,
    becomesRoot: false,
    isRoot: true,
    hasCapabilities: true,
    mayGainPrivileges: true
  }
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
  const slots = new UidSlots({
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
  const slots = new UidSlots({
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
