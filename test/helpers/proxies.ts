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
  /** Of another gateway, where there are two. */
  readonly second?: { readonly gateway: number; readonly ops: number }
}

/** What the configurations call the gateways, and where they are. */
const placesOf = ({ gateway, second }: Ports): Record<string, string> =>
  second
    ? {
        'gateway-a:3006': `127.0.0.1:${gateway}`,
        'gateway-b:3006': `127.0.0.1:${second.gateway}`
      }
    : { '127.0.0.1:3006': `127.0.0.1:${gateway}` }

interface Kind {
  /** In ops/proxies, and in ops/proxies/several for two gateways, where there is one. */
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
    file: 'nginx.conf',
    places: ['/usr/sbin/nginx'],
    configure: (text, ports, directory) => {
      const site = reworded(text, {
        [TLS_OF_NGINX]: `  listen 127.0.0.1:${ports.front};\n`,
        ...placesOf(ports)
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
    file: 'haproxy.cfg',
    places: ['/usr/sbin/haproxy'],
    configure: (text, ports) =>
      reworded(text, {
        ':443 ssl crt /etc/haproxy/mail.example.com.pem alpn h2,http/1.1': `127.0.0.1:${ports.front}`,
        ...(ports.second && { 'b:3006 port 9464': `b:3006 port ${ports.second.ops}` }),
        'port 9464': `port ${ports.ops}`,
        ...placesOf(ports)
      }),
    command: (program, configuration) => [program, '-db', '-f', configuration]
  },
  caddy: {
    file: 'Caddyfile',
    places: ['/usr/bin/caddy'],
    configure: (text, ports) =>
      `{\n\tadmin off\n}\n${reworded(text, {
        'mail.example.com {': `http://localhost:${ports.front} {`,
        ...placesOf(ports)
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
  const file = join('ops/proxies', ports.second ? 'several' : '', kind.file)
  writeFileSync(configuration, kind.configure(readFileSync(file, 'utf8'), ports, directory))
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
