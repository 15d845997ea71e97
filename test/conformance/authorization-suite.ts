import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What the suite's scenarios for authorization servers are run against, and how its user signs in. */
export interface AuthorizationRun {
  /** Byte for byte as the server's metadata names it. */
  issuer: string
  /** A public client whose redirect URI is `http://127.0.0.1:<port>/callback`. */
  clientId: string
  /** The MCP endpoint for which the token is asked. */
  resource: string
  port: number
  /** Takes the results; must be empty. */
  directory: string
  /** Goes from the authorization URL to the callback, as the user's browser would. */
  signIn(authorizationUrl: string, callback: string): Promise<unknown>
}

/** Resolves with the suite's exit code and output; rejects when `signIn` does. */
export async function runAuthorizationSuite(
  run: AuthorizationRun
): Promise<{ exitCode: number | null; output: string }> {
  const options = {
    url: run.issuer,
    'client-id': run.clientId,
    resource: run.resource,
    port: String(run.port),
    'output-dir': '.'
  }
  const child = spawn(
    process.execPath,
    [
      COMMAND,
      'authorization',
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    ],
    {
      cwd: run.directory,
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: TIMEOUT_MS
    }
  )
  const closed = once(child, 'close')
  const signedIn = Promise.withResolvers<void>()
  signedIn.promise.catch(() => child.kill()) // the suite would wait five minutes for the callback
  let output = ''
  for await (const line of createInterface(child.stdout)) {
    output += `${line}\n`
    if (!AUTHORIZATION_URL.test(line)) continue
    const callback = `http://127.0.0.1:${run.port}/callback`
    run.signIn(line, callback).then(() => signedIn.resolve(), signedIn.reject)
  }
  const [exitCode] = await closed
  if (AUTHORIZATION_URL.test(output)) await signedIn.promise
  return { exitCode, output }
}

/** The suite prints it on a line of its own. */
const AUTHORIZATION_URL = /^https?:\/\/\S+\?response_type=code&\S+$/m

const TIMEOUT_MS = 50_000

const COMMAND = fileURLToPath(
  import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js')
)
