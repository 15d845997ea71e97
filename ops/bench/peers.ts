import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { bundle } from '../build.ts'
import { type BenchPlace, source } from './bench-place.ts'
import { freePort } from './free-port.ts'
import type { Target } from './mcp-client.ts'
import { withAllBelow } from './processor-time.ts'

/** Proxies of others that put stdio servers behind Streamable HTTP, by the names that npm has for them. */
const PEERS: Readonly<
  Record<string, { readonly version: string; args(port: string, server: string): string[] }>
> = {
  supergateway: {
    version: '4.0.0',
    args: (port, server) => [
      ...['--stdio', `${process.execPath} ${server}`, '--outputTransport', 'streamableHttp'],
      ...['--stateful', '--port', port, '--logLevel', 'none']
    ]
  },
  'mcp-proxy': {
    version: '6.7.19',
    args: (port, server) => [
      ...['--host', '127.0.0.1', '--port', port, '--server', 'stream'],
      ...['--', process.execPath, server]
    ]
  }
}

const POLL_MS = 50
const PATIENCE_MS = 20_000

export interface Peer extends AsyncDisposable {
  /** With its version. */
  readonly name: string
  /** Its first process. */
  readonly pid: number
  readonly target: Target
}

/** Gets the peers from npm and starts each in front of the same tools. */
export async function startPeers({ directory }: BenchPlace): Promise<Peer[]> {
  const home = join(directory, 'peers')
  await mkdir(home)
  await writeFile(join(home, 'package.json'), '{"private":true}')
  const wanted = Object.entries(PEERS).map(([name, { version }]) => `${name}@${version}`)
  await promisify(execFile)('npm', ['install', '--silent', '--no-audit', ...wanted], { cwd: home })
  await bundle({ stdio: source('stdio') }, home)
  return Promise.all(
    Object.entries(PEERS).map(async ([name, { version, args }]) => {
      const port = await freePort()
      const program = join(home, 'node_modules/.bin', name)
      const child = spawn(
        process.execPath,
        [program, ...args(`${port}`, join(home, 'stdio.mjs'))],
        {
          cwd: home,
          stdio: 'ignore'
        }
      )
      const { pid = 0 } = child
      await untilListening(port)
      return {
        name: `${name} ${version}`,
        pid,
        target: { origin: `http://127.0.0.1:${port}`, headers: {} },
        async [Symbol.asyncDispose]() {
          if (child.exitCode !== null || child.signalCode !== null) return
          const gone = once(child, 'exit')
          for (const one of (await withAllBelow(pid)).toReversed()) end(one)
          await gone
        }
      }
    })
  )
}

async function untilListening(port: number): Promise<void> {
  const late = performance.now() + PATIENCE_MS
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false
    )
    socket.destroy()
    if (isThere) return
    if (performance.now() > late) throw new Error('A peer did not listen.')
    await sleep(POLL_MS)
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}
