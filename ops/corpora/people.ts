import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import * as z from 'zod'

const Ready = z.object({
  mcp: z.string(),
  google: z.string(),
  users: z.array(z.object({ email: z.string(), token: z.string() }))
})

export interface ToolAnswer {
  readonly isError: boolean
  readonly text: string
  readonly data: Readonly<Record<string, unknown>>
}

/** One person of a running demo: with tools through the gateway, and with Gmail past it. */
export interface Person {
  readonly email: string
  /** Calls a tool; waits as long as it is told to where the quota is used up. */
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<ToolAnswer>
  /** Calls the stand-in for Gmail; the path begins below `users/me/`. Rejects unless it is answered with 200. */
  gmail(method: string, path: string, body?: object): Promise<unknown>
}

export interface Demo {
  readonly people: readonly Person[]
  close(): Promise<void>
}

/** Starts the demo, gateway and workers as they ship, with so many people who are signed in. */
export async function startDemo(count: number): Promise<Demo> {
  const demo = spawn(process.execPath, [fileURLToPath(new URL('../demo.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      DEMO_JSON: '1',
      DEMO_PORT: '0',
      DEMO_OPS_PORT: '0',
      DEMO_USERS: `${count}`
    }
  })
  const { mcp, google, users } = await ready(demo)
  const people = await Promise.all(users.map((user) => openPerson(mcp, google, user)))
  return {
    people,
    async close() {
      await Promise.all(people.map(({ client }) => client.close()))
      demo.kill('SIGTERM')
      if (demo.exitCode === null) await once(demo, 'exit')
    }
  }
}

async function ready({ stdout }: ChildProcess): Promise<z.infer<typeof Ready>> {
  if (!stdout) throw new Error('The demo has no output.')
  for await (const line of createInterface({ input: stdout }))
    if (line.startsWith('{')) {
      stdout.resume()
      return Ready.parse(JSON.parse(line))
    }
  throw new Error('The demo ended before it was ready.')
}

const MAX_WAITS = 20
const RateLimited = z.object({ code: z.literal('rate_limited'), retryAfterMs: z.number() })
const Grant = z.object({ accessToken: z.string() })

async function openPerson(
  mcp: string,
  google: string,
  { email, token }: { email: string; token: string }
): Promise<Person & { client: Client }> {
  const headers = { authorization: `Bearer ${token}` }
  const client = new Client({ name: 'corpora', version: '1' })
  await client.connect(
    new StreamableHTTPClientTransport(new URL(mcp), { requestInit: { headers } })
  )
  const granted = await fetch(`${google}/sandbox/grants`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, scopes: ['https://mail.google.com/'] })
  })
  const { accessToken } = Grant.parse(await granted.json())
  return {
    client,
    email,
    async call(name, args) {
      for (let waited = 0; ; waited += 1) {
        const answer = await callOnce(client, name, args)
        const limited = RateLimited.safeParse(answer.data).data
        if (!limited || waited === MAX_WAITS) return answer
        await pause(limited.retryAfterMs + 200)
      }
    },
    async gmail(method, path, body) {
      const response = await fetch(`${google}/gmail/v1/users/me/${path}`, {
        method,
        headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) })
      })
      if (!response.ok)
        throw new Error(`Gmail answered ${response.status}: ${await response.text()}`)
      return response.json()
    }
  }
}

const Content = z.array(z.object({ text: z.string().optional() }))

async function callOnce(
  client: Client,
  name: string,
  args: Readonly<Record<string, unknown>>
): Promise<ToolAnswer> {
  const { content, structuredContent, isError } = await client.callTool({ name, arguments: args })
  return {
    isError: isError === true,
    text: Content.parse(content)
      .map(({ text = '' }) => text)
      .join('\n'),
    data: { ...Object(structuredContent) }
  }
}
