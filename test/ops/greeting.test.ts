import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import t from 'tap'
import * as z from 'zod'
import { greeting } from '../../ops/demo/greeting.ts'

const Ready = z.object({
  url: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  users: z.array(z.object({ email: z.string() }))
})

t.test('what the demo prints for stdin and stdout works as it stands', async (t) => {
  const env = { ...process.env, NODE_OPTIONS: '' } // tap's own
  const sandbox = spawn('npm', ['run', '--silent', 'sandbox'], {
    env: { ...env, SANDBOX_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => sandbox.kill('SIGTERM'))
  const [line] = await once(createInterface({ input: sandbox.stdout }), 'line')
  const { url, clientId: id, clientSecret: secret, users } = Ready.parse(JSON.parse(String(line)))
  t.equal(users.length, 3)
  const text = greeting({
    mcp: 'http://localhost:1/mcp',
    page: 'http://localhost:1/',
    ops: 'http://localhost:2',
    adminToken: 'x',
    google: url,
    client: { id, secret },
    users: []
  })
  const [command = ''] = /^ {2}GOOGLE_ISSUER_URL=.*?npm run --silent stdio$/ms.exec(text) ?? []
  const client = new Client({ name: 'test', version: '1' })
  t.teardown(() => client.close())
  await client.connect(
    new StdioClientTransport({ command: 'sh', args: ['-c', command], env: definedOf(env) })
  )
  const { tools } = await client.listTools()
  t.ok(tools.some(({ name }) => name === 'search_emails'))
})

const definedOf = (environment: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const]
    )
  )
