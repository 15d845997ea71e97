import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import * as z from 'zod'
import { run } from './run.ts'

const Ready = z.object({ mcp: z.url(), users: z.array(z.object({ token: z.string() })).min(1) })
const START_MS = 60_000

/**
 * Installs the package's tarball into a directory of its own, as a stranger would, starts its demo, and searches the mail of an
 * invented person. Resolves with how many tools they have; rejects where something of it fails.
 */
export async function tryPackage(tarball: string): Promise<number> {
  return await inDirectory(async (directory) => {
    await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', tarball], directory)
    const demo = spawn(
      process.execPath,
      [join(directory, 'node_modules/.bin/gmail-mcp-gateway'), 'demo'],
      {
        cwd: directory,
        env: { ...bare(), DEMO_JSON: '1', DEMO_PORT: '0', DEMO_OPS_PORT: '0', DEMO_USERS: '1' },
        stdio: ['ignore', 'pipe', 'inherit']
      }
    )
    const ended = once(demo, 'exit')
    try {
      const { mcp, users } = Ready.parse(JSON.parse(await firstLine(demo)))
      return await search(mcp, users[0]?.token ?? '')
    } finally {
      demo.kill('SIGTERM')
      await ended
    }
  })
}

/**
 * Unpacks the bundle for desktop clients and starts what it holds, without any package beside it. Resolves with how many tools
 * it offers to a person who has not signed in.
 */
export async function tryDesktopBundle(file: string, root: string): Promise<number> {
  return await inDirectory(async (directory) => {
    await run('mcpb', ['unpack', file, directory], root)
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [join(directory, 'server/stdio.mjs')],
      env: {
        ...bare(),
        STDIO_DATA: join(directory, 'data'),
        GOOGLE_CLIENT_ID: 'trial',
        GOOGLE_CLIENT_SECRET: 'trial'
      }
    })
    const client = new Client({ name: 'release', version: '1.0.0' })
    await client.connect(transport)
    try {
      const { tools } = await client.listTools()
      if (tools.length === 0) throw new Error('The bundle offers no tools.')
      return tools.length
    } finally {
      await client.close()
    }
  })
}

async function search(mcp: string, token: string): Promise<number> {
  const client = new Client({ name: 'release', version: '1.0.0' })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(mcp), { requestInit }))
  try {
    const { tools } = await client.listTools()
    const found = await client.callTool({
      name: 'search_emails',
      arguments: { query: 'in:anywhere' }
    })
    if (found.isError) throw new Error('The demo of the package finds no mail.')
    return tools.length
  } finally {
    await client.close()
  }
}

/** Nothing of whoever releases changes what is tried. */
const bare = (): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: process.env.HOME ?? tmpdir()
})

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('The demo has no output.')
  const [line] = await once(createInterface({ input: child.stdout }), 'line', {
    signal: AbortSignal.timeout(START_MS)
  })
  return String(line)
}

async function inDirectory<Result>(use: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'gmail-mcp-trial-'))
  try {
    return await use(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
