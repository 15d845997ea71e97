import type { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { googleScopesFor } from '#shared/access-levels.ts'
import { systemClock } from '#shared/clock.ts'
import { memorySendLedger } from '../../worker/gmail/memory-send-ledger.ts'
import { createGmailProgram, type GmailProgram } from '../../worker/server/gmail-program.ts'
import { MISDEEDS, misdeeds } from './misdeeds.ts'

/** The real program of a worker, with some tools more that need no Gmail. */
export function createBenchProgram(): GmailProgram {
  const program = createGmailProgram({
    account: { email: 'bench@example.com' },
    googleScopes: googleScopesFor('gmail.modify'),
    gmailOrigin: 'http://127.0.0.1:9',
    tokens: { get: () => Promise.reject(new Error('There is no Google here.')) },
    clock: systemClock,
    report: { request() {}, throttled() {}, retried() {}, tool() {}, deduplicated() {} },
    threadFile: '',
    documentThreadFile: '',
    version: '0.0.0',
    nonce: () => 'bench000',
    ledger: memorySendLedger(systemClock),
    random: Math.random
  })
  return { ...program, build: () => withBenchTools(program.build()) }
}

const Echo = { inputSchema: z.object({ text: z.string() }) }
const Fill = { inputSchema: z.object({ bytes: z.number() }) }
const Misbehave = { inputSchema: z.object({ how: z.enum(MISDEEDS) }) }
const Burn = { inputSchema: z.object({ ms: z.number() }) }

function withBenchTools(server: McpServer): McpServer {
  server.registerTool('echo', Echo, ({ text }) => ({ content: [{ type: 'text', text }] }))
  server.registerTool('burn', Burn, ({ ms }) => {
    const until = performance.now() + ms
    while (performance.now() < until);
    return { content: [{ type: 'text', text: 'done' }] }
  })
  server.registerTool('fill', Fill, ({ bytes }) => ({
    content: [{ type: 'text', text: 'x'.repeat(bytes) }]
  }))
  server.registerTool('misbehave', Misbehave, async ({ how }) => {
    await misdeeds[how]()
    return { content: [{ type: 'text', text: 'done' }] }
  })
  return server
}
