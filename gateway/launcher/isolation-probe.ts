/**
 * A stand-in for a worker that has fallen to an attacker: it tries what a worker must not be able to do, and
 * tells what worked. Started by the self-test in a worker's place, but without Node's own restrictions.
 * Imports nothing but Node's modules, so that any user who may read this file can run it.
 */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { connect, createServer, Socket } from 'node:net'
import { getPriority, networkInterfaces, setPriority } from 'node:os'

// biome-ignore lint/style/noProcessEnv: the settings of this program, none of the gateway's.
const { PROBE_SETTINGS = '{}' } = process.env
/** What it is told to try on. `sibling` is another worker's process, if there is one. */
const { gateway, sibling, program, keys, databases, directories, doors, port, rubbish } =
  JSON.parse(PROBE_SETTINGS)

const works = (attempt: () => unknown): boolean => {
  try {
    attempt()
    return true
  } catch {
    return false
  }
}

const any = (paths: readonly string[], attempt: (path: string) => unknown): boolean =>
  paths.some((path) => works(() => attempt(path)))

const opens = (path: string, flags: string): void => closeSync(openSync(path, flags))

const looksInto = (pid: number | undefined): boolean =>
  pid !== undefined &&
  [
    () => readFileSync(`/proc/${pid}/environ`),
    () => opens(`/proc/${pid}/mem`, 'r'),
    () => readlinkSync(`/proc/${pid}/fd/1`) // their numbers may be seen by anybody of the user
  ].some(works)

/**
 * Whether the kernel would let it trace another process: these files ask the same as ptrace(2) does, for an attachment
 * (PTRACE_MODE_ATTACH_FSCREDS, see proc(5)).
 */
const traces = (pid: number | undefined): boolean =>
  pid !== undefined &&
  [() => readFileSync(`/proc/${pid}/syscall`), () => opens(`/proc/${pid}/mem`, 'r+')].some(works)

const readsCommandLine = (pid: number | undefined): boolean =>
  pid !== undefined && works(() => readFileSync(`/proc/${pid}/cmdline`))

/** To the priority that it has: what is asked is whether it may. */
const renices = (pid: number | undefined): boolean =>
  pid !== undefined && works(() => setPriority(pid, getPriority(pid)))

const isMine = (path: string): boolean => path.startsWith('/proc/') || path.startsWith('/sys/')

/** Directories in which a file can be made, of those that programs usually may write to. */
const writable = (): string[] =>
  ['/', '/tmp', '/var/tmp', '/dev/shm', '/run', '/dev', '/home', '/mnt', ...directories].filter(
    (directory) => !isMine(directory) && works(() => leavesFile(directory))
  )

function leavesFile(directory: string): void {
  const file = `${directory}/probe-${process.pid}`
  writeFileSync(file, 'x')
  rmSync(file, { force: true })
}

/** Copies of node and of the program, which workers run, may be seen, and nothing else. */
const looksAround = (directory: string): boolean => {
  try {
    return readdirSync(directory).some((name) => !/^(node|program)-/.test(name))
  } catch {
    return false
  }
}

function makesSetuid(directory: string): void {
  const file = `${directory}/probe-setuid-${process.pid}`
  try {
    writeFileSync(file, 'x')
    chmodSync(file, 0o4755)
  } finally {
    rmSync(file, { force: true })
  }
}

const status = works(() => readFileSync('/proc/self/status'))
  ? readFileSync('/proc/self/status', 'utf8')
  : ''
/** Inside a user namespace 0 may be an ordinary user outside (user_namespaces(7)). */
const isRealRoot = (): boolean =>
  process.getuid?.() === 0 &&
  /^\s*0\s+0\s/.test(
    works(() => readFileSync('/proc/self/uid_map'))
      ? readFileSync('/proc/self/uid_map', 'utf8')
      : '0 0 '
  )

const reaches = (to: { port: number; host: string } | { path: string }): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(to, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
    setTimeout(() => resolve(false), 1000).unref()
  })

const listens = (): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    // In a network of its own nobody can come: what counts is whether it is the machine's.
    server.listen(0, '127.0.0.1', () => server.close(() => resolve(reachesMachine())))
  })

/** By number, by name, by the addresses of the machine, and the gateway's own ports, which an older gateway may have. */
async function reachesMachine(): Promise<boolean> {
  // A service manager may forbid the socket that they are listed with.
  const interfaces = works(networkInterfaces) ? networkInterfaces() : {}
  const outer = Object.values(interfaces)
    .flatMap((addresses = []) => addresses)
    .filter(({ internal }) => !internal)
  const hosts = ['127.0.0.1', '::1', 'localhost', ...outer.map(({ address }) => address)]
  const reached = await Promise.all([
    ...hosts.map((host) => reaches({ port, host })),
    ...doors.map((door: { port: number; host: string }) => reaches(door))
  ])
  return outer.length > 0 || reached.includes(true)
}

async function namedSockets(): Promise<boolean> {
  if (!works(() => readFileSync('/proc/net/unix'))) return false
  const names = readFileSync('/proc/net/unix', 'utf8').match(/(?<= )\/\S+$/gm) ?? []
  const ours = names.filter((name) => directories.some((d: string) => name.startsWith(`${d}/`)))
  const reached = await Promise.all(ours.map((path) => reaches({ path })))
  return reached.includes(true)
}

async function findings(): Promise<Record<string, boolean>> {
  const free = writable()
  return {
    readsProgram: program.every((file: string) => works(() => accessSync(file, constants.R_OK))),
    readsKeys: any(keys, (path) => opens(path, 'r')),
    readsDatabase: any(databases, (path) => opens(path, 'r')),
    writesDatabase: any(databases, (path) => opens(path, 'r+')),
    listsPlaces: directories.some(looksAround),
    writesPlaces: any(directories, leavesFile),
    connectsToNames: await namedSockets(),
    connects: await reachesMachine(),
    listens: await listens(),
    readsGateway: looksInto(gateway),
    signalsGateway: works(() => process.kill(gateway, 0)),
    renicesGateway: renices(gateway),
    tracesGateway: traces(gateway),
    readsSibling: looksInto(sibling),
    signalsSibling: sibling !== undefined && works(() => process.kill(sibling, 0)),
    renicesSibling: renices(sibling),
    tracesSibling: traces(sibling),
    readsCommandLines: [gateway, sibling].some(readsCommandLine),
    fillsDisk: free.length > 0,
    makesSetuid: any(free, makesSetuid),
    becomesRoot: process.getuid?.() !== 0 && works(() => process.setuid?.(0)),
    isRoot: isRealRoot(),
    hasCapabilities: /^CapEff:\s*0*[1-9a-f]/m.test(status),
    mayGainPrivileges: !/^NoNewPrivs:\s*1/m.test(status)
  }
}

const link = new Socket({ fd: 3, readable: true, writable: true })

const say = (message: object): void => frame(Buffer.from(JSON.stringify(message)))

/** A frame as in shared/multiplexer/frames.ts, which says that it has so many bytes. */
function frame(payload: Buffer, length = payload.length): void {
  const header = Buffer.alloc(8)
  header.writeUInt8(1, 0)
  header.writeUIntBE(length, 1, 3)
  link.write(Buffer.concat([header, payload]))
}

// The gateway's first word is `init`.
link.once('data', async () => {
  say({ type: 'log', level: 'info', message: 'findings', fields: await findings() })
  say({ type: 'ready' })
  if (rubbish) link.write('no message\n{"type":\n')
  // Told to end, it begins a message that has none.
  link.once('data', () => frame(Buffer.alloc(2 ** 20, 'a'), 2 ** 24 - 1))
})
link.on('end', () => process.exit(0))
link.on('error', () => process.exit(0))
link.resume()
say({ type: 'hello', protocol: 7, version: 'probe' })
