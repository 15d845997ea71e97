/**
 * A stand-in for a worker that has fallen to an attacker: it tries what a worker must not be able to do, and
 * tells what worked. Started by the self-test in a worker's cell, but without Node's own restrictions.
 * Imports nothing but Node's modules, so that any user who may read this file can run it.
 */
import { accessSync, closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs'
import { Socket } from 'node:net'

// biome-ignore lint/style/noProcessEnv: the settings of this program, none of the gateway's.
const { PROBE_TARGETS = '', PROBE_FILES = '' } = process.env
/** The processes to try on: the gateway's, and a sibling's if there is one. */
const [gateway, sibling] = PROBE_TARGETS.split(',')

const works = (attempt: () => unknown): boolean => {
  try {
    attempt()
    return true
  } catch {
    return false
  }
}

const looksInto = (pid: string | undefined): boolean =>
  pid !== undefined &&
  [
    () => readFileSync(`/proc/${pid}/environ`),
    () => closeSync(openSync(`/proc/${pid}/mem`, 'r')),
    () => readlinkSync(`/proc/${pid}/fd/1`) // their numbers may be seen by anybody of the user
  ].some(works)

const status = works(() => readFileSync('/proc/self/status'))
  ? readFileSync('/proc/self/status', 'utf8')
  : ''

const findings = () => ({
  readsProgram: PROBE_FILES.split(':').every((file) =>
    works(() => accessSync(file, constants.R_OK))
  ),
  readsGateway: looksInto(gateway),
  signalsGateway: works(() => process.kill(Number(gateway), 0)),
  readsSibling: looksInto(sibling),
  signalsSibling: sibling !== undefined && works(() => process.kill(Number(sibling), 0)),
  becomesRoot: process.getuid?.() !== 0 && works(() => process.setuid?.(0)),
  isRoot: process.getuid?.() === 0,
  hasCapabilities: /^CapEff:\s*0*[1-9a-f]/m.test(status),
  mayGainPrivileges: !/^NoNewPrivs:\s*1/m.test(status)
})

const link = new Socket({ fd: 3, readable: true, writable: true })

/** A frame as in shared/multiplexer/frames.ts. */
function say(message: object): void {
  const payload = Buffer.from(JSON.stringify(message))
  const header = Buffer.alloc(8)
  header.writeUInt8(1, 0)
  header.writeUIntBE(payload.length, 1, 3)
  link.write(Buffer.concat([header, payload]))
}

// The gateway's first word is `init`.
link.once('data', () => {
  say({ type: 'log', level: 'info', message: 'findings', fields: findings() })
  say({ type: 'ready' })
})
link.on('end', () => process.exit(0))
link.on('error', () => process.exit(0))
link.resume()
say({ type: 'hello', protocol: 2, version: 'probe' })
