/**
 * Reads mail with the tools of a build: `reader.ts <root> <origin of Gmail> <address> <access token>`. Asked for a tool
 * and the arguments of its calls, it answers with the processor time of them all and the most memory so far.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { InMemoryTransport } from '@modelcontextprotocol/server'
import * as z from 'zod'

const [root = '', gmailOrigin = '', email = '', accessToken = ''] = process.argv.slice(2)
const load = (path: string) => import(pathToFileURL(join(root, path)).href)
const { createGmailProgram }: typeof import('../../../worker/server/gmail-program.ts') = await load(
  'worker/server/gmail-program.ts'
)
const { googleScopesFor }: typeof import('#shared/access-levels.ts') =
  await load('shared/access-levels.ts')
const { systemClock }: typeof import('#shared/clock.ts') = await load('shared/clock.ts')

const program = createGmailProgram({
  account: { email },
  googleScopes: googleScopesFor('gmail.read'),
  tokens: { get: async () => ({ accessToken, expiresAt: Number.MAX_SAFE_INTEGER }) },
  gmailOrigin,
  clock: systemClock,
  report: { request() {}, throttled() {}, retried() {}, tool() {}, deduplicated() {} },
  threadFile: join(root, 'worker/mime/html-tasks.ts'),
  documentThreadFile: join(root, 'worker/mime/documents/document-tasks.ts'),
  version: '0.0.0',
  nonce: () => 'bench000',
  ledger: {
    begin: () => Promise.reject(new Error('Nothing is sent here.')),
    look: async () => ({ state: 'new' }),
    end: async () => {}
  },
  random: Math.random
})
const client = new Client({ name: 'bench', version: '1.0.0' })
const [here, there] = InMemoryTransport.createLinkedPair()
await program.build().connect(there)
await client.connect(here)

const Question = z.object({
  tool: z.string(),
  calls: z.array(z.record(z.string(), z.unknown()))
})

process.on('message', (message) => void read(Question.parse(message)))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')

async function read({ tool, calls }: z.infer<typeof Question>): Promise<void> {
  const before = process.cpuUsage()
  for (const args of calls) {
    const { isError, content } = await client.callTool({ name: tool, arguments: args })
    if (isError) throw new Error(JSON.stringify(content))
  }
  const { user, system } = process.cpuUsage(before)
  const { maxRSS } = process.resourceUsage()
  process.send?.({ ms: (user + system) / 1000, peakMegabytes: (maxRSS * 1024) / 1e6 })
}
