import * as z from 'zod'
import { Child } from './child.ts'
import type { Target } from './mcp-client.ts'

const Started = z.object({ port: z.number() })

/** The server that the gateway replaces, running. */
export interface OneProcessServer extends AsyncDisposable {
  readonly pid: number
  readonly target: Target
}

export async function startOneProcessServer(program: string): Promise<OneProcessServer> {
  const child = new Child(program)
  const { port } = await child.next(Started)
  return {
    pid: child.pid,
    target: { origin: `http://127.0.0.1:${port}`, headers: {} },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]()
  }
}
