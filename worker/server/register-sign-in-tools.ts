import type { McpServer, ServerContext } from '@modelcontextprotocol/server'
import type { SignInQuestion } from '#shared/sign-in-protocol.ts'
import { ToolError } from '#shared/tool-error.ts'
import { authenticateWithToken } from '../sign-in-tools/authenticate-with-token.ts'
import { checkAuthentication } from '../sign-in-tools/check-authentication.ts'
import type { SignInTool } from '../sign-in-tools/define-sign-in-tool.ts'
import { getAuthUrl } from '../sign-in-tools/get-auth-url.ts'
import { setupAuthentication } from '../sign-in-tools/setup-authentication.ts'
import type { SignInCall } from '../sign-in-tools/sign-in-call.ts'
import { signOut } from '../sign-in-tools/sign-out.ts'
import { requestOf } from '../tool-kit/access.ts'
import type { AskGateway } from '../tool-kit/context.ts'
import { failed } from '../tool-kit/define-tool.ts'
import { type Measure, recordCall } from './record-call.ts'
import { asRegistered } from './to-sdk-tool.ts'

/** All that somebody can use who has not signed in. */
export const ANONYMOUS_TOOLS: readonly SignInTool[] = [
  getAuthUrl,
  checkAuthentication,
  setupAuthentication,
  authenticateWithToken
]

/** What stands beside the tools for mail. */
export const SIGN_IN_TOOLS: readonly SignInTool[] = [...ANONYMOUS_TOOLS, signOut]

export interface SignInParts extends Measure {
  readonly ask: AskGateway
  /** Why one of them is not offered here, as a sentence; all are, when missing. */
  readonly refusalOf?: (tool: SignInTool) => string | undefined
}

/** Adds sign-in tools to a server. They need no access level. */
export function registerSignInTools(
  server: McpServer,
  tools: readonly SignInTool[],
  { ask, refusalOf, ...measure }: SignInParts
): void {
  for (const tool of tools)
    server.registerTool(tool.name, asRegistered(tool), (args, ctx) => {
      // A link shown so must not be what lets a client in (MCP 2025-11-25, URL mode elicitation).
      const offerLink = tools === SIGN_IN_TOOLS ? offerOf(server, ctx) : undefined
      const refusal = refusalOf?.(tool)
      return recordCall(tool.name, measure, () =>
        refusal === undefined
          ? tool.invoke(args, { ...callOf(ask, ctx), offerLink })
          : Promise.resolve(failed(new ToolError('not_offered', refusal), 'gmail.read'))
      )
    })
}

function callOf(ask: AskGateway, { sessionId, mcpReq, http }: ServerContext) {
  const request = requestOf(http?.authInfo)
  const progressToken = mcpReq._meta?.progressToken
  return {
    ask: (question: SignInQuestion) => ask(sessionId, question, request),
    signal: mcpReq.signal,
    hearsProgress: progressToken !== undefined,
    async progress(progress: number, total: number, message: string) {
      if (progressToken === undefined) return
      await mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress, total, message }
      })
    }
  }
}

/** Only clients of the 2025 revisions can be asked during a call, and only some can show a link. */
function offerOf(
  { server }: McpServer,
  { sessionId, mcpReq }: ServerContext
): SignInCall['offerLink'] {
  if (sessionId === undefined || !server.getClientCapabilities()?.elicitation?.url) return undefined
  return async (url, elicitationId, message) => {
    const question = { mode: 'url', url, elicitationId, message } as const
    const { action } = await mcpReq.elicitInput(question, { signal: mcpReq.signal })
    return action === 'accept'
  }
}
