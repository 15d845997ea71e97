import { type AccessLevel, covers } from '#shared/access-levels.ts'
import {
  lesserSet,
  type PersonPolicy,
  TOOL_SETS,
  type ToolPolicy,
  type ToolSet
} from '#shared/tool-policy.ts'
import type { Tool } from '../tool-kit/define-tool.ts'

/**
 * What most people do with mail, in as few tools as that takes: with the four that sign in no more than 16, and 3,000
 * tokens. A test counts them.
 */
const CORE: ReadonlySet<string> = new Set([
  'search_emails',
  'read_email',
  'get_thread',
  'download_attachment',
  'send_email',
  'draft_email',
  'reply_to_email',
  'reply_all',
  'forward_email',
  'batch_modify_emails',
  'trash_email',
  'find_unanswered',
  'get_auth_url',
  'check_authentication',
  'setup_authentication',
  'authenticate_with_token'
])

/** What changes the account itself, or cannot be undone. */
const ONLY_IN_ALL: ReadonlySet<string> = new Set([
  'delete_email',
  'batch_delete_emails',
  'update_vacation_responder',
  'update_signature',
  'update_mail_settings'
])

/** What is gone for good afterwards. The bin can be emptied by nobody here but Gmail. */
const DELETES: ReadonlySet<string> = new Set([
  'delete_email',
  'batch_delete_emails',
  'delete_draft',
  'delete_label',
  'delete_filter'
])

/** The smallest set that has this tool; `extended` for those that nobody has put elsewhere. */
const setOf = (name: string): ToolSet => {
  if (CORE.has(name)) return 'core'
  return ONLY_IN_ALL.has(name) ? 'all' : 'extended'
}

/** Which set is in force: the smaller one of the operator's and the person's. */
export const setInForce = ({ operator, person }: ToolPolicy): ToolSet =>
  lesserSet(operator.set, person.set)

type Offered = Pick<Tool<never>, 'name' | 'level' | 'annotations'>
/** A sign-in tool has no level: no mode is about it. */
type Named = { readonly name: string } & Partial<Offered>

/** Why a tool is not offered here, as a sentence for a model with the way to get it; undefined when it is. */
export function whyNotOffered(
  tool: Named,
  policy: ToolPolicy,
  accountUrl?: string
): string | undefined {
  const { operator, person } = policy
  if (operator.disabled.includes(tool.name))
    return `${tool.name} is switched off: whoever runs this server has disabled it (DISABLED_TOOLS).`
  const byOperator = narrowedBy(tool, operator)
  if (byOperator)
    return `${tool.name} is not offered here: ${byOperator}, as whoever runs this server has set (TOOL_SETS).`
  const byPerson = narrowedBy(tool, person)
  if (!byPerson) return undefined
  const page = accountUrl === undefined ? 'the account page' : accountUrl
  return `${tool.name} is not offered: ${byPerson}, as the user has chosen. The user can choose otherwise at ${page}; then call it again.`
}

/** The same for a call of a tool whose arguments ask for more than the tool as such. */
export function whyNotAllowed(
  name: string,
  needed: AccessLevel,
  policy: ToolPolicy
): string | undefined {
  const { operator, person } = policy
  const isDraftOnly = [...operator.modes, ...person.modes].includes('draft-only')
  if (!isDraftOnly || covers('gmail.draft', needed)) return undefined
  return `${name} may only save drafts here: the mode is draft-only. Call it with asDraft: true, or save a draft with draft_email for the user to send.`
}

function narrowedBy(
  { name, level, annotations }: Named,
  { set, modes }: PersonPolicy
): string | undefined {
  const smallest = setOf(name)
  if (TOOL_SETS.indexOf(smallest) > TOOL_SETS.indexOf(set))
    return `it is of the set "${smallest}" and the set here is "${set}"`
  if (level === undefined) return undefined
  const against = modes.find((mode) => {
    if (mode === 'read-only') return annotations?.readOnlyHint !== true
    return mode === 'draft-only' ? !covers('gmail.draft', level) : DELETES.has(name)
  })
  return against && `the mode is ${against}`
}
