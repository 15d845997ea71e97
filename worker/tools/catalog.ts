import {
  type Tool as ListedTool,
  McpServer,
  requireScopes,
  type ScopeChallengeHandler,
  type ServerContext
} from '@modelcontextprotocol/server'
import { type AccessLevel, covers, levelGrantedBy } from '#shared/access-levels.ts'
import { applyFilterToExisting } from './apply-filter.ts'
import { batchReadEmails } from './batch-read-emails.ts'
import { updateDraft } from './change-draft.ts'
import type { WorkerContext } from './context.ts'
import { batchDeleteEmails, deleteEmail } from './delete-emails.ts'
import { downloadAttachment } from './download-attachment.ts'
import { deleteDraft, getDraft, listDrafts } from './drafts.ts'
import { FENCE_RULE } from './fence.ts'
import {
  createFilter,
  createFilterFromTemplate,
  deleteFilter,
  getFilter,
  listFilters
} from './filters.ts'
import { forwardEmail } from './forward-email.ts'
import { getProfile } from './get-profile.ts'
import { getThread } from './get-thread.ts'
import {
  createLabel,
  deleteLabel,
  getOrCreateLabel,
  listEmailLabels,
  updateLabel
} from './labels.ts'
import { batchModifyEmails, modifyEmail } from './modify-emails.ts'
import { readEmail } from './read-email.ts'
import { replyAll } from './reply-all.ts'
import { replyToEmail } from './reply-to-email.ts'
import { asListed, asRegistered } from './sdk-tool.ts'
import { searchEmails } from './search-emails.ts'
import { searchThreads } from './search-threads.ts'
import { sendDraft } from './send-draft.ts'
import { draftEmail, sendEmail } from './send-email.ts'
import {
  LISTED_SIGN_IN_TOOLS,
  registerSignInTools,
  SIGN_IN_TOOLS
} from './sign-in/sign-in-tools.ts'
import { notSpam, reportSpam } from './spam.ts'
import { modifyThread, trashThread, untrashThread } from './threads.ts'
import { timed } from './timed.ts'
import type { Tool } from './tool.ts'
import { trashEmail, untrashEmail } from './trash-emails.ts'
import { withWayBack } from './way-back.ts'

/** Every tool, in the order of the list. */
export const TOOLS: readonly Tool[] = [
  searchEmails,
  readEmail,
  batchReadEmails,
  searchThreads,
  getThread,
  downloadAttachment,
  sendEmail,
  draftEmail,
  replyToEmail,
  replyAll,
  forwardEmail,
  listDrafts,
  getDraft,
  updateDraft,
  sendDraft,
  deleteDraft,
  modifyEmail,
  batchModifyEmails,
  trashEmail,
  untrashEmail,
  modifyThread,
  trashThread,
  untrashThread,
  reportSpam,
  notSpam,
  deleteEmail,
  batchDeleteEmails,
  listEmailLabels,
  createLabel,
  updateLabel,
  deleteLabel,
  getOrCreateLabel,
  listFilters,
  getFilter,
  createFilter,
  createFilterFromTemplate,
  deleteFilter,
  applyFilterToExisting,
  getProfile
]

const INSTRUCTIONS = [
  'Tools for the signed-in Gmail account; the account cannot be chosen by an argument.',
  'Begin with search_emails, which takes Gmail search operators, then read_email or get_thread. Labels may be named instead of given by id.',
  FENCE_RULE
].join('\n')

/**
 * A new MCP server with all tools. Listed are those that Google's grant for the account allows; the others can be called
 * too, and answer with the access level that they need.
 */
export function buildServer(context: WorkerContext, version = '0.0.0'): McpServer {
  const server = new McpServer(
    { name: 'gmail', title: 'Gmail', version },
    { instructions: INSTRUCTIONS, capabilities: { tools: { listChanged: true } } }
  )
  for (const { tool, config } of REGISTERED)
    server.registerTool(tool.name, config, (args, ctx) =>
      timed(
        tool.name,
        context,
        withWayBack(tool.invoke(args, { context, ...callOf(ctx) }), context.accountUrl)
      )
    )
  const { signIn } = context
  if (signIn) registerSignInTools(server, SIGN_IN_TOOLS, { ...context, ask: signIn })
  server.server.setRequestHandler('tools/list', () => ({
    tools: [
      ...listFor(levelGrantedBy(context.grantedScopes())),
      ...(signIn ? LISTED_SIGN_IN_TOOLS : [])
    ]
  }))
  return server
}

/** What does not differ between servers. */
const REGISTERED = TOOLS.map((tool) => ({
  tool,
  config: {
    ...asRegistered(tool),
    scopeChallenge: (asked: Parameters<ScopeChallengeHandler>[0]) =>
      requireScopes(tool.levelOf(argumentsOf(asked.request.params)))(asked)
  }
}))

const lists = new Map<AccessLevel | undefined, ListedTool[]>()

function listFor(granted: AccessLevel | undefined): ListedTool[] {
  const known = lists.get(granted)
  if (known) return known
  const list = TOOLS.filter(({ level }) => granted && covers(granted, level)).map(asListed)
  lists.set(granted, list)
  return list
}

function argumentsOf(params: unknown): Readonly<Record<string, unknown>> {
  if (typeof params !== 'object' || params === null || !('arguments' in params)) return {}
  const args = params.arguments
  return typeof args === 'object' && args !== null ? { ...args } : {}
}

function callOf({ mcpReq }: ServerContext) {
  const progressToken = mcpReq._meta?.progressToken
  return {
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
