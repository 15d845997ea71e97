import type { AuthInfo, Tool as ListedTool, ScopeChallenge } from '@modelcontextprotocol/server'
import * as z from 'zod'
import {
  type AccessLevel,
  covers,
  highestLevel,
  lesserLevel,
  levelGrantedBy
} from '#shared/access-levels.ts'
import { CREDENTIALS } from '#shared/internal-headers.ts'
import type { WorkerContext } from './context.ts'

/** Who calls, as the gateway says. */
export interface ToolCaller {
  /** What its token, or its session, allows. */
  readonly level: AccessLevel | undefined
  readonly credential: (typeof CREDENTIALS)[number]
  /** The addresses that its connection may use, when that is more than one; the first is the default. */
  readonly mailboxes?: readonly string[]
}

const Extra = z.object({
  credential: z.enum(CREDENTIALS),
  request: z.string().optional(),
  mailboxes: z.array(z.string()).optional()
})

/** The gateway's name for the HTTP request that a call came in. */
export const requestOf = (authInfo: AuthInfo | undefined): string | undefined =>
  Extra.safeParse(authInfo?.extra).data?.request

/** Undefined where there is no gateway between: then only Google's grant counts. */
export function callerOf(authInfo: AuthInfo | undefined): ToolCaller | undefined {
  const { data } = Extra.safeParse(authInfo?.extra)
  if (!authInfo) return undefined
  const { credential = 'oauth', mailboxes } = data ?? {}
  return { level: highestLevel(authInfo.scopes), credential, ...(mailboxes && { mailboxes }) }
}

type Place = Pick<WorkerContext, 'grantedScopes' | 'listsHigher' | 'accountUrl'>

/** What this caller may do now: no more than its token says, and no more than Google granted. */
export function heldLevel(
  { grantedScopes }: Pick<Place, 'grantedScopes'>,
  caller: ToolCaller | undefined
): AccessLevel | undefined {
  const granted = levelGrantedBy(grantedScopes())
  if (!caller || !granted) return granted
  return caller.level && lesserLevel(caller.level, granted)
}

interface Levelled {
  readonly name: string
  readonly level: AccessLevel
}

/**
 * The tools that are listed for this caller. An application with a sign-in of its own can ask the person for more when it is
 * told to (MCP authorization, "Step-Up Authorization Flow"), so it is shown what it could do then.
 */
export function listedFor<T extends Levelled>(
  tools: readonly T[],
  place: Place,
  caller: ToolCaller | undefined
): readonly T[] {
  if (caller?.credential === 'oauth' && caller.level && place.listsHigher) return tools
  const held = heldLevel(place, caller)
  return tools.filter(({ level }) => held && covers(held, level))
}

/** Says in the description of what is above `held` that it is, so that a model does not count on it. */
export function marked(
  tool: ListedTool,
  needed: AccessLevel,
  held: AccessLevel | undefined
): ListedTool {
  if (held && covers(held, needed)) return tool
  const mark = `[Needs access level ${needed}, which the user has not given yet. A call asks the user for it.]`
  return { ...tool, description: `${mark} ${tool.description ?? ''}` }
}

/** What answers a call that this caller may not make; undefined when it may. */
export function challengeFor(
  tool: string,
  needed: AccessLevel,
  place: Place,
  caller: ToolCaller | undefined
): ScopeChallenge | undefined {
  if (!caller) return undefined
  // What only Google withholds, a new token brings for those alone whose sign-in leads over Google.
  const held = caller.credential === 'oauth' ? heldLevel(place, caller) : caller.level
  if (held && covers(held, needed)) return undefined
  const { accountUrl } = place
  const page = accountUrl === undefined ? '' : ` at ${accountUrl}`
  return {
    scopes: [needed],
    errorDescription: `${tool} needs access level ${needed}, and ${HOLDER[caller.credential]} has ${held ?? 'none'}. ${WAY[caller.credential](needed, page)}`
  }
}

const HOLDER = {
  oauth: 'this application',
  personal: 'this token',
  session: 'this session'
} as const

const WAY: Record<ToolCaller['credential'], (needed: AccessLevel, page: string) => string> = {
  oauth: (needed, page) =>
    `Sign in again and ask for ${needed}; the user decides on the consent page${page && `, and sees what is connected${page}`}.`,
  personal: (_needed, page) => `Make a token with more access${page}.`,
  session: () => 'Call get_auth_url to ask the user for more.'
}
