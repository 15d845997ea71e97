import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { reworded } from './chapters.ts'

interface Ports {
  /** That people come to. */
  readonly front: number
  readonly gateway: number
  readonly ops: number
}

interface Kind {
  readonly file: string
  readonly places: readonly string[]
  /** The configuration of `file` for these ports, without TLS. */
  configure(text: string, ports: Ports, directory: string): string
  command(program: string, configuration: string, directory: string): string[]
}

const TLS_OF_NGINX = `  listen 443 ssl http2;
  server_name mail.example.com;
  ssl_certificate /etc/ssl/mail.example.com.pem;
  ssl_certificate_key /etc/ssl/mail.example.com.key;
`

/** The reverse proxies of ops/proxies, as they are deployed but for their ports and TLS. */
export const PROXIES = {
  nginx: {
    file: 'ops/proxies/nginx.conf',
    places: ['/usr/sbin/nginx'],
    configure: (text, { front, gateway }, directory) => {
      const site = reworded(text, {
        [TLS_OF_NGINX]: `  listen 127.0.0.1:${front};\n`,
        '127.0.0.1:3006': `127.0.0.1:${gateway}`
      })
      const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      const temporary = kinds.map((kind) => `${kind}_temp_path ${directory}/${kind};`).join('\n')
      return `daemon off; pid ${directory}/pid; error_log stderr; events {}
http {\naccess_log off;\n${temporary}\n${site}\n}\n`
    },
    command: (program, configuration, directory) => [
      program,
      ...['-p', directory, '-c', configuration, '-e', 'stderr']
    ]
  },
  haproxy: {
    file: 'ops/proxies/haproxy.cfg',
    places: ['/usr/sbin/haproxy'],
    configure: (text, { front, gateway, ops }) =>
      reworded(text, {
        ':443 ssl crt /etc/haproxy/mail.example.com.pem alpn h2,http/1.1': `127.0.0.1:${front}`,
        '127.0.0.1:3006': `127.0.0.1:${gateway}`,
        'port 9464': `port ${ops}`
      }),
    command: (program, configuration) => [program, '-db', '-f', configuration]
  },
  caddy: {
    file: 'ops/proxies/Caddyfile',
    places: ['/usr/bin/caddy'],
    configure: (text, { front, gateway }) =>
      `{\n\tadmin off\n}\n${reworded(text, {
        'mail.example.com {': `http://localhost:${front} {`,
        '127.0.0.1:3006': `127.0.0.1:${gateway}`
      })}`,
    command: (program, configuration) => [
      program,
      ...['run', '--config', configuration, '--adapter', 'caddyfile']
    ]
  }
} satisfies Record<string, Kind>

export type ProxyName = keyof typeof PROXIES

/** The program of a proxy; undefined where it is not installed. */
export const programOf = (name: ProxyName): string | undefined =>
  PROXIES[name].places.find((place) => existsSync(place))

/** Starts a real proxy in front of a gateway. The returned function ends it. */
export async function startProxy(t: Test, name: ProxyName, ports: Ports) {
  const program = programOf(name)
  if (program === undefined) throw new Error(`${name} is not installed`)
  const directory = mkdtempSync(join(tmpdir(), 'proxy-'))
  mkdirSync(join(directory, 'home'))
  const kind: Kind = PROXIES[name]
  const configuration = join(directory, 'configuration')
  writeFileSync(configuration, kind.configure(readFileSync(kind.file, 'utf8'), ports, directory))
  const [command = '', ...args] = kind.command(program, configuration, directory)
  const env = { PATH: process.env.PATH, HOME: join(directory, 'home') }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')))
  const gone = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await gone
    rmSync(directory, { recursive: true, force: true })
  }
  t.teardown(stop)
  const isUp = () =>
    fetch(`http://localhost:${ports.front}/health`).then(
      ({ ok }) => ok,
      () => false
    )
  const end = performance.now() + 20_000
  while (!(await isUp())) {
    if (child.exitCode !== null || performance.now() > end)
      throw new Error(`${name} did not come up: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { stop }
}

/** Its version, for the title of a test. */
export function versionOf(name: ProxyName): string {
  const program = programOf(name)
  if (program === undefined) return 'not installed'
  const { stdout, stderr } = spawnSync(program, [name === 'caddy' ? 'version' : '-v'], {
    encoding: 'utf8'
  })
  return /\d+\.\d+\.\d+/.exec(`${stdout}${stderr}`)?.[0] ?? 'of unknown version'
}
