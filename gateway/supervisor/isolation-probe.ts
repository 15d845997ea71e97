/**
 * A stand-in for a worker that has fallen to an attacker: it tries what a worker must not be able to do, and
 * tells what worked. Started by the self-test in a worker's cell, but without Node's own restrictions.
 * Imports nothing but Node's modules, so that any user who may read this file can run it.
 */
import { accessSync, closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'

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

const listens = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    createServer()
      .once('error', () => resolve(false))
      .listen(socketPath, () => resolve(true))
  })

process.on('message', async (message: { type: string; socketPath: string }) => {
  if (message.type !== 'init') return
  const fields = { ...findings(), listens: await listens(message.socketPath) }
  process.send?.({ type: 'log', level: 'info', message: 'findings', fields })
  process.send?.({ type: 'ready' })
})
process.on('disconnect', () => process.exit(0))
process.send?.({ type: 'hello', protocol: 1, version: 'probe' })
