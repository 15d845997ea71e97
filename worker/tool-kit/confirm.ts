/** A person's word before an act that cannot be taken back, or that a policy names. */
import { createHash, randomBytes } from 'node:crypto'
import {
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type RequestStateCodec,
  type ServerContext
} from '@modelcontextprotocol/server'
import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import type { ConfirmAnswer } from '#shared/worker-protocol.ts'

/** What is to be done, for a person to read and for a word to be bound to. */
export interface Act {
  readonly tool: string
  /** All that decides what is done. Another one is another act. */
  readonly what: unknown
  /** What would happen, a line each. They may hold words of others. */
  readonly words: readonly string[]
  /** Whether the model says that its user agrees; it counts only where nobody can be asked. */
  readonly agreed?: boolean
}

/** Asks on the account page. An allowed act is allowed once. */
export type AskOnPage = (hash: string, words: readonly string[]) => Promise<ConfirmAnswer>

/** Resolves when the person agrees. Throws `declined`, or `confirmation_required` with what to do. */
export type Confirm = (act: Act) => Promise<void>

const KEY = 'confirmation'
const FORM = {
  type: 'object' as const,
  properties: { agree: { type: 'boolean' as const, title: 'Yes, do it' } },
  required: ['agree']
}
const State = z.object({ hash: z.string(), nonce: z.string() })
/** What a request of 2026-07-28 says of its client. */
const Envelope = z.object({
  [CLIENT_CAPABILITIES_META_KEY]: z.object({ elicitation: z.looseObject({}).optional() })
})
const STATE_SECONDS = 600
/** A person reads before they answer; a call has five minutes by default. */
const ANSWER_MS = 120_000
/** Words that were used up are remembered for as long as they could come again, and no more of them than these. */
const MOST_USED = 10_000

/** The name of an act: the same for the same tool and the same deed. */
const hashOfAct = ({ tool, what }: Act): string =>
  createHash('sha256')
    .update(JSON.stringify([tool, what]))
    .digest('base64url')

/**
 * Seals what a client of 2026-07-28 brings back with its person's answer (MCP, "Multi Round-Trip Requests": integrity, a
 * principal, a time to live). The key is this process's, which has one principal; after its end the question is put again.
 */
const codec = () => {
  made ??= createRequestStateCodec<z.infer<typeof State>>({
    key: randomBytes(32),
    ttlSeconds: STATE_SECONDS,
    bind: ({ mcpReq, http }) => `${mcpReq.method} ${http?.authInfo?.clientId ?? ''}`
  })
  return made
}
let made: RequestStateCodec<z.infer<typeof State>> | undefined
const used = new Set<string>()

/** For `ServerOptions`. */
export const requestState = {
  verify: (state: string, ctx: ServerContext) => codec().verify(state, ctx)
}

/** How a call asks its person, and what is to be answered to the client instead of a result while it does. */
export interface Asking {
  readonly confirm: Confirm
  readonly pending: () => InputRequiredResult | undefined
}

/** For one call. */
export function askingFor(
  server: McpServer,
  ctx: ServerContext,
  askOnPage: AskOnPage | undefined
): Asking {
  let pending: InputRequiredResult | undefined
  const confirm: Confirm = async (act) => {
    const hash = hashOfAct(act)
    const way = wayOf(server, ctx)
    if (way === 'during') {
      const isAgreed = await askDuring(ctx, act)
      if (isAgreed !== undefined) return judge(isAgreed)
    }
    if (way === 'between') {
      const answer = answerIn(ctx, hash)
      if (answer !== undefined) return judge(answer)
      pending = inputRequired({
        inputRequests: {
          [KEY]: inputRequired.elicit({ message: messageOf(act), requestedSchema: FORM })
        },
        requestState: await codec().mint(
          { hash, nonce: randomBytes(12).toString('base64url') },
          ctx
        )
      })
      throw new ToolError('confirmation_required', 'The user is asked.')
    }
    if (askOnPage) return judgePage(await askOnPage(hash, act.words))
    if (act.agreed !== true) throw declined('ask the user, and call again with confirm true')
  }
  return { confirm, pending: () => pending }
}

/** Where there is nobody to ask. */
export const nobodyAsked: Confirm = async () => {
  throw new ToolError('confirmation_required', 'The user has to agree first.')
}

/** Clients of 2025 are asked during a call of a session, those of 2026-07-28 between two requests, some not at all. */
function wayOf({ server }: McpServer, { sessionId, mcpReq, http }: ServerContext) {
  if (mcpReq.envelope !== undefined) {
    const { data } = Envelope.safeParse(mcpReq.envelope)
    return showsForms(data?.[CLIENT_CAPABILITIES_META_KEY]) ? 'between' : undefined
  }
  return (sessionId !== undefined || http === undefined) &&
    showsForms(server.getClientCapabilities())
    ? 'during'
    : undefined
}

/** MCP 2025-11-25, Elicitation: an empty object stands for forms. */
function showsForms(capabilities: { elicitation?: object | undefined } | undefined): boolean {
  const { elicitation } = capabilities ?? {}
  return elicitation !== undefined && ('form' in elicitation || !('url' in elicitation))
}

/** Undefined where the client cannot ask after all, or its person does not answer. */
async function askDuring({ mcpReq }: ServerContext, act: Act): Promise<boolean | undefined> {
  const question = { message: messageOf(act), requestedSchema: FORM }
  try {
    const options = { signal: mcpReq.signal, timeout: ANSWER_MS }
    const { action, content } = await mcpReq.elicitInput(question, options)
    return action === 'accept' && content?.agree === true
  } catch {
    mcpReq.signal.throwIfAborted()
    return undefined
  }
}

/** What the person answered in between; undefined when they were not asked about this. */
function answerIn({ mcpReq }: ServerContext, hash: string): boolean | undefined {
  const state = State.safeParse(mcpReq.requestState()).data
  const answer = inputResponse(mcpReq.inputResponses, KEY)
  if (answer.kind !== 'elicit' || state?.hash !== hash || used.has(state.nonce)) return undefined
  used.add(state.nonce)
  for (const oldest of used) {
    if (used.size <= MOST_USED) break
    used.delete(oldest)
  }
  return answer.action === 'accept' && answer.content?.agree === true
}

function judge(isAgreed: boolean): void {
  if (!isAgreed) throw declined('the user did not agree')
}

function judgePage(answer: ConfirmAnswer): void {
  switch (answer.state) {
    case 'allowed':
      return
    case 'refused':
      throw declined('the user did not agree')
    case 'unavailable':
      throw new ToolError('confirmation_required', 'The user cannot be asked now; try again later.')
    case 'asked':
      throw new ToolError(
        'confirmation_required',
        `Nothing was done. Only the user can allow this. Ask the user to open ${answer.url} (until ${answer.expiresAt}) and to allow it there; then make the same call again.`
      )
  }
}

const declined = (why: string): ToolError => new ToolError('declined', `Nothing was done: ${why}.`)

const messageOf = ({ words }: Act): string => `May your assistant do this?\n${words.join('\n')}`
