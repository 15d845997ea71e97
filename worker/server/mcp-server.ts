import {
  type CallToolResult,
  McpServer,
  type ScopeChallengeHandler,
  type ServerContext
} from '@modelcontextprotocol/server'
import { levelGrantedBy } from '#shared/access-levels.ts'
import { ToolError } from '#shared/tool-error.ts'
import type { SignInTool } from '../sign-in-tools/define-sign-in-tool.ts'
import { callerOf, challengeFor, heldLevel, listedFor, marked } from '../tool-kit/access.ts'
import { askingFor, nobodyAsked, requestState } from '../tool-kit/confirm.ts'
import type { ToolCall, WorkerContext } from '../tool-kit/context.ts'
import { failed, type Tool } from '../tool-kit/define-tool.ts'
import { FENCE_RULE } from '../tool-kit/untrusted-fence.ts'
import { forThisAccount, ofAccount, withAccount } from '../tools/account-argument.ts'
import { TOOLS } from '../tools/catalog.ts'
import { complete } from './completion.ts'
import { shownEntries } from './list-entries.ts'
import { loadToolList } from './load-tool-list.ts'
import { setInForce, whyNotAllowed, whyNotOffered } from './offered-tools.ts'
import { getPrompt, listPrompts } from './prompts.ts'
import { withReauthHint } from './reauth-hint.ts'
import { recordCall } from './record-call.ts'
import { registerSignInTools, SIGN_IN_TOOLS } from './register-sign-in-tools.ts'
import { offeredResources, RESOURCE_TEMPLATES, RESOURCES, readResource } from './resources.ts'
import { listedForText, takesTextOnly, textOnly } from './text-only-result.ts'
import { asRegistered } from './to-sdk-tool.ts'

const INSTRUCTIONS = [
  'Tools for the Gmail account that the user signed in with. Where they have an argument account, the user allowed several mailboxes: each answer says whose it is.',
  'Begin with search_emails, which takes Gmail search operators, then read_email or get_thread. Labels may be named instead of given by id.',
  FENCE_RULE
].join('\n')

/**
 * A new MCP server with all tools. Listed are those that the caller may call, and those that it could get access to; the
 * others can be called too, and answer with the access level that they need.
 */
export function buildServer(context: WorkerContext, version = '0.0.0'): McpServer {
  const server = new McpServer(
    { name: 'gmail', title: 'Gmail', version },
    {
      instructions: INSTRUCTIONS,
      requestState,
      capabilities: { tools: { listChanged: true }, prompts: {}, resources: {}, completions: {} }
    }
  )
  for (const { tool, config } of REGISTERED) {
    // Nobody is asked for more access to what is not offered however much they give.
    const scopeChallenge: ScopeChallengeHandler = ({ request: { params }, authInfo }) =>
      refusalOf(tool, argumentsOf(params), context) === undefined
        ? challengeFor(tool.name, tool.levelOf(argumentsOf(params)), context, callerOf(authInfo))
        : undefined
    server.registerTool(tool.name, { ...config, scopeChallenge }, async (args, ctx) => {
      const refusal = refusalOf(tool, Object(args), context)
      const asking = askingFor(server, ctx, context.askOnPage)
      const call = { context, ...callOf(ctx), confirm: asking.confirm }
      const result = await recordCall(tool.name, context, () =>
        refusal === undefined
          ? withReauthHint(inAccount(tool, args, call), context.accountUrl)
          : Promise.resolve(failed(new ToolError('not_offered', refusal), tool.level))
      )
      const told = call.caller?.mailboxes ? ofAccount(result, context.mailbox.address) : result
      const shown = takesText(server, context) ? textOnly(told) : told
      return asking.pending() ?? shown
    })
  }
  const { signIn } = context
  const signInTools = (): readonly SignInTool[] =>
    signIn
      ? SIGN_IN_TOOLS.filter((tool) => whyNotOffered(tool, context.policy()) === undefined)
      : []
  if (signIn)
    registerSignInTools(server, SIGN_IN_TOOLS, {
      ...context,
      ask: signIn,
      refusalOf: (tool) => whyNotOffered(tool, context.policy(), context.accountUrl)
    })
  server.server.setRequestHandler('tools/list', async (_request, { http }) => {
    const caller = callerOf(http?.authInfo)
    const held = heldLevel(context, caller)
    const policy = context.policy()
    const offered = TOOLS.filter((tool) => whyNotOffered(tool, policy) === undefined)
    const mine = await loadToolList(listedFor(offered, context, caller))
    const { mailboxes } = caller ?? {}
    const isModern = http?.req?.headers.has('mcp-method') === true
    const forMail = mailboxes ? mine.map((tool) => withAccount(tool, mailboxes, isModern)) : mine
    // A client with a limit keeps the first ones, and without those that sign in it keeps nothing for long.
    const tools = shownEntries(
      [
        ...(await loadToolList(signInTools())),
        ...forMail.map((tool) => marked(tool, LEVEL_OF.get(tool.name) ?? 'gmail.full', held))
      ],
      setInForce(policy)
    )
    return { tools: takesText(server, context) ? tools.map(listedForText) : tools }
  })
  serveMail(server, context)
  return server
}

/**
 * Prompts, resources and completion. Not registered one by one, as tools are: a server would hold its own copies, and
 * an account without a grant has none.
 */
function serveMail({ server }: McpServer, context: WorkerContext): void {
  const ifGranted = <T>(list: readonly T[]): T[] =>
    levelGrantedBy(context.grantedScopes()) ? [...list] : []
  server.setRequestHandler('prompts/list', async () => ({ prompts: ifGranted(listPrompts()) }))
  server.setRequestHandler('prompts/get', async ({ params }) =>
    getPrompt(params.name, params.arguments ?? {})
  )
  server.setRequestHandler('resources/list', async () => ({
    resources: ifGranted(offeredResources(RESOURCES, context))
  }))
  server.setRequestHandler('resources/templates/list', async () => ({
    resourceTemplates: ifGranted(offeredResources(RESOURCE_TEMPLATES, context))
  }))
  server.setRequestHandler('resources/read', async ({ params }, ctx) =>
    readResource(params.uri, { context, ...callOf(ctx) })
  )
  server.setRequestHandler('completion/complete', async ({ params }, ctx) =>
    complete(params, { context, ...callOf(ctx) })
  )
}

/** Why this call is none of those that are offered here; undefined when it is. */
const refusalOf = (
  tool: Tool,
  args: Readonly<Record<string, unknown>>,
  { policy, accountUrl }: WorkerContext
): string | undefined =>
  whyNotOffered(tool, policy(), accountUrl) ??
  whyNotAllowed(tool.name, tool.levelOf(args), policy())

/** In the core set answers are for models alone, as they are for clients that show no more than one form to theirs. */
const takesText = ({ server }: McpServer, { policy }: WorkerContext): boolean =>
  setInForce(policy()) === 'core' || takesTextOnly(server.getClientVersion())

/** Runs the tool, if the call is for this mailbox. Never rejects, except when the client cancels. */
async function inAccount(tool: Tool, args: unknown, call: ToolCall): Promise<CallToolResult> {
  try {
    const own = forThisAccount(args, call.context.mailbox.address, call.caller?.mailboxes)
    return await tool.invoke(own, call)
  } catch (error) {
    call.signal.throwIfAborted()
    return failed(error, tool.level)
  }
}

const LEVEL_OF = new Map(TOOLS.map(({ name, level }) => [name, level]))

/** What does not differ between servers. */
const REGISTERED = TOOLS.map((tool) => ({
  tool,
  config: asRegistered(tool)
}))

function argumentsOf(params: unknown): Readonly<Record<string, unknown>> {
  if (typeof params !== 'object' || params === null || !('arguments' in params)) return {}
  const args = params.arguments
  return typeof args === 'object' && args !== null ? { ...args } : {}
}

function callOf({ mcpReq, http }: ServerContext) {
  const progressToken = mcpReq._meta?.progressToken
  return {
    caller: callerOf(http?.authInfo),
    confirm: nobodyAsked,
    signal: mcpReq.signal,
    async progress(progress: number, total: number) {
      if (progressToken === undefined) return
      await mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress, total }
      })
    }
  }
}
