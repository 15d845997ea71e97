/**
 * Uses one library from inside the directory that npm installed it in: `node runner.ts ADAPTER URL TOKEN`. It prints
 * the tools as a line of JSON, then for each line of stdin, which is a call, what came of it.
 */
import { createInterface } from 'node:readline'
import * as z from 'zod'
import { aiSdk } from './ai-sdk.ts'
import { langchain } from './langchain.ts'
import { mastra } from './mastra.ts'
import { openaiAgents } from './openai-agents.ts'
import type { OpenLibrary } from './opened-library.ts'

const ADAPTERS: Readonly<Record<string, OpenLibrary>> = {
  'ai-sdk': aiSdk,
  langchain,
  mastra,
  'openai-agents': openaiAgents
}
const Call = z.object({ tool: z.string(), args: z.record(z.string(), z.unknown()) })

const [adapter = '', url = '', token = ''] = process.argv.slice(2)
const open = ADAPTERS[adapter]
if (!open) throw new Error(`There is no adapter ${adapter}.`)
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

const opened = await open(url, { Authorization: `Bearer ${token}` })
say({ tools: opened.tools })
for await (const line of createInterface({ input: process.stdin })) {
  const { tool, args } = Call.parse(JSON.parse(line))
  const given = await opened.call(tool, args).catch((error: unknown) => `throws ${String(error)}`)
  say({ given: typeof given === 'string' ? given : JSON.stringify(given) })
}
await opened.close()
process.exit()
