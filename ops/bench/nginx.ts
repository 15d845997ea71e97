import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fetch } from 'undici'
import { freePort } from './free-port.ts'
import type { Target } from './mcp-client.ts'

const PLACES = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx']
const START_MS = 5000

/** nginx as the leanest proxy there is, in front of one worker's socket. */
export class Nginx {
  readonly #process: ChildProcess
  readonly #port: number

  private constructor(process: ChildProcess, port: number) {
    this.#process = process
    this.#port = port
  }

  /** Undefined when nginx is not installed. */
  static async start(directory: string, socketPath: string): Promise<Nginx | undefined> {
    const program = PLACES.find((place) => existsSync(place))
    if (program === undefined) return undefined
    const port = await freePort()
    const prefix = join(directory, 'nginx')
    await mkdir(prefix)
    await writeFile(join(prefix, 'nginx.conf'), configuration(prefix, port, socketPath))
    const process = spawn(
      program,
      ['-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', 'error'],
      {
        stdio: 'ignore'
      }
    )
    const nginx = new Nginx(process, port)
    await nginx.#isUp()
    return nginx
  }

  /** The worker behind it, reached with the headers that the worker wants. */
  inFrontOf(worker: Target): Target {
    return { origin: `http://127.0.0.1:${this.#port}`, headers: worker.headers }
  }

  /** May be called more than once. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await gone
  }

  async #isUp(): Promise<void> {
    const late = performance.now() + START_MS
    for (;;) {
      try {
        await fetch(`http://127.0.0.1:${this.#port}/`)
        return
      } catch (cause) {
        if (performance.now() > late) throw new Error('nginx does not start.', { cause })
        await sleep(20)
      }
    }
  }
}

/** One process, kept-alive connections on both sides, nothing buffered: event streams must pass at once. */
const configuration = (prefix: string, port: number, socketPath: string): string => `
daemon off;
master_process off;
pid ${prefix}/pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${prefix}/body;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
  keepalive_requests 10000000;
  upstream worker {
    server unix:${socketPath};
    keepalive 64;
    keepalive_requests 10000000;
  }
  server {
    listen 127.0.0.1:${port};
    location /mcp {
      proxy_pass http://worker;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`
