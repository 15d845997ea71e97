import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import type { LabClient, Run, Target } from '../client.ts'
import type { Home } from '../home.ts'
import { signInBy } from '../sign-in.ts'

const CALL_PATIENCE_MS = 30_000

/** A bridge: a client that only knows stdin and stdout speaks through it. That client is the official SDK here. */
export const mcpRemote: LabClient = {
  name: 'mcp-remote',
  packages: ['mcp-remote@0.15.1'],
  through: 'its result',
  because: {
    'step-up':
      'it begins the new sign-in while the refused call waits, with the address on its stderr, where this lab does not go'
  },
  signIn: (place, target, person) =>
    signInBy(place, person, {
      command: command(place.home, target),
      until: /Proxy established successfully|Connected to remote server/i
    }),
  async run({ home }, target, calls): Promise<Run> {
    const [file = '', ...args] = command(home, target)
    const transport = new StdioClientTransport({
      command: file,
      args,
      env: { ...home.env },
      cwd: home.work,
      stderr: 'pipe'
    })
    let output = ''
    transport.stderr?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8')
    })
    const client = new Client({ name: 'lab', version: '1' })
    const given: string[] = []
    let tools: string[] = []
    try {
      await client.connect(transport, { timeout: CALL_PATIENCE_MS })
      tools = (await client.listTools()).tools.map(({ name }) => name)
      for (const { tool, args: values, before } of calls) {
        await before?.()
        given.push(await resultOf(client, tool, { ...values }))
      }
    } catch (error) {
      output += String(error)
    } finally {
      await client.close()
    }
    return { tools, given, whole: given.join('\n'), output }
  }
}

const resultOf = (client: Client, name: string, args: Record<string, unknown>): Promise<string> =>
  client
    .callTool({ name, arguments: args }, undefined, { timeout: CALL_PATIENCE_MS })
    .then((result) => JSON.stringify(result), String)

const command = ({ bin }: Home, { url, token }: Target) => [
  ...['node', bin('mcp-remote'), url, '--allow-http'],
  ...(token === undefined ? [] : ['--header', `Authorization: Bearer ${token}`])
]
