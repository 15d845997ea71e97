import { claudeCode } from './agents/claude-code.ts'
import { codex } from './agents/codex.ts'
import { copilotCli } from './agents/copilot-cli.ts'
import { geminiCli } from './agents/gemini-cli.ts'
import { opencode } from './agents/opencode.ts'
import { qwenCode } from './agents/qwen-code.ts'
import type { LabClient } from './client.ts'
import { inspector } from './commands/inspector.ts'
import { mcpRemote } from './commands/mcp-remote.ts'
import { mcpc } from './commands/mcpc.ts'
import { mcporter } from './commands/mcporter.ts'
import { library } from './libraries/library.ts'

/** Every client, in the order of the table. */
export const CLIENTS: readonly LabClient[] = [
  claudeCode,
  codex,
  geminiCli,
  opencode,
  copilotCli,
  qwenCode,
  mcpRemote,
  mcporter,
  mcpc,
  inspector,
  library({ name: 'AI SDK', adapter: 'ai-sdk', packages: ['@ai-sdk/mcp@2.0.99', 'zod@4.6.7'] }),
  library({
    name: 'Mastra',
    adapter: 'mastra',
    packages: ['@mastra/mcp@2.0.0', '@mastra/core@1.71.0', 'zod@4.6.7']
  }),
  library({
    name: 'OpenAI Agents',
    adapter: 'openai-agents',
    packages: ['@openai/agents@0.20.0', 'zod@4.6.7']
  }),
  library({
    name: 'LangChain',
    because: {
      'ended by operator':
        'the adapter keeps a session that met a 404, and throws at every later call'
    },
    adapter: 'langchain',
    packages: [
      '@langchain/mcp-adapters@1.1.4',
      '@langchain/core@1.4.0',
      '@langchain/langgraph@1.7.3'
    ]
  })
]
