import { McpServer } from '@modelcontextprotocol/server'
import { OPEN_POLICY, type ToolPolicy } from '#shared/tool-policy.ts'
import type { SignInTool } from '../sign-in-tools/define-sign-in-tool.ts'
import { loadToolList } from './load-tool-list.ts'
import { whyNotOffered } from './offered-tools.ts'
import { ANONYMOUS_TOOLS, registerSignInTools, type SignInParts } from './register-sign-in-tools.ts'

const INSTRUCTIONS =
  'Nobody is signed in. Call get_auth_url, show the user the link, ask for the short code that the page shows at the end, and call check_authentication with it. The tools for Gmail are listed after that. Never ask for passwords, client secrets or file paths.'

/** What serves somebody who has not signed in: a way to do so, and nothing else. */
export const createAnonymousProgram = (
  parts: SignInParts,
  version: string,
  policy: ToolPolicy = OPEN_POLICY
) => ({
  build(): McpServer {
    const server = new McpServer(
      { name: 'gmail', title: 'Gmail', version },
      { instructions: INSTRUCTIONS, capabilities: { tools: { listChanged: true } } }
    )
    const refusalOf = (tool: SignInTool) => whyNotOffered(tool, policy)
    registerSignInTools(server, ANONYMOUS_TOOLS, { ...parts, refusalOf })
    server.server.setRequestHandler('tools/list', async () => ({
      tools: await loadToolList(ANONYMOUS_TOOLS.filter((tool) => refusalOf(tool) === undefined))
    }))
    return server
  },
  granted(): void {}
})
