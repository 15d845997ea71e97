import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import * as z from 'zod'

const Ready = z.strictObject({
  mcp: z.url(),
  ops: z.url(),
  adminToken: z.string(),
  google: z.url(),
  users: z.array(z.strictObject({ email: z.string(), token: z.string() }))
})
type Demo = z.infer<typeof Ready> & { child: ChildProcess; exit: Promise<number | null> }

/** Through npm, as people start it. */
async function startDemo(t: Test, directory: string): Promise<Demo> {
  const child = spawn('npm', ['run', '--silent', 'demo'], {
    env: {
      ...process.env,
      NODE_OPTIONS: '', // tap's own
      DEMO_JSON: '1',
      DEMO_PORT: '0',
      DEMO_OPS_PORT: '0',
      DEMO_USERS: '2',
      DEMO_DATA: directory
    },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGTERM'))
  const exit = once(child, 'exit').then(([code]): number | null => code)
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    exit.then((code) => Promise.reject(new Error(`The demo ended at once, with ${code}.`)))
  ])
  return { ...Ready.parse(JSON.parse(String(line))), child, exit }
}

async function addressSeenBy(url: string, token: string): Promise<unknown> {
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
  const { structuredContent } = await client.callTool({ name: 'get_profile', arguments: {} })
  await client.close()
  return z.object({ emailAddress: z.string() }).parse(structuredContent).emailAddress
}

const isDown = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => false,
    () => true
  )

t.test(
  'the demo serves invented people, ends with a signal, and comes back as it was',
  async (t) => {
    const directory = join(t.testdir(), 'made', 'by', 'the', 'demo')
    const first = await startDemo(t, directory)
    t.equal(first.users.length, 2)
    for (const { email, token } of first.users)
      t.equal(await addressSeenBy(first.mcp, token), email)
    const admin = { headers: { authorization: `Bearer ${first.adminToken}` } }
    const { workers } = z
      .object({ workers: z.array(z.object({ pid: z.number(), userId: z.string().nullable() })) })
      .parse(await (await fetch(`${first.ops}/admin/workers`, admin)).json())
    t.equal(workers.filter(({ userId }) => userId !== null).length, 2, 'a process for each')

    first.child.kill('SIGTERM')
    t.equal(await first.exit, 0)
    for (const url of [first.mcp, first.ops, first.google])
      t.ok(await isDown(url), `${url} is gone`)
    for (const { pid } of workers) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })

    const second = await startDemo(t, directory)
    t.same(second.users, first.users, 'the same people with the same tokens')
    const [person] = second.users
    t.equal(await addressSeenBy(second.mcp, person?.token ?? ''), person?.email)
    second.child.kill('SIGTERM')
    t.equal(await second.exit, 0)
  }
)
