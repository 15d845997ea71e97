/** What tools may do for an account: as the operator says for everybody, and as each person says for their own mail. */
import * as z from 'zod'

/** Which tools are offered, from few to all: each set contains the ones before it. */
export const TOOL_SETS = ['core', 'extended', 'all'] as const
export type ToolSet = (typeof TOOL_SETS)[number]

/** What tools may not do, whatever the access level: see `worker/server/offered-tools.ts`. */
export const TOOL_MODES = ['read-only', 'draft-only', 'no-delete'] as const
export type ToolMode = (typeof TOOL_MODES)[number]

/** Acts that wait for a person's word where a policy names them. To delete for good always does. */
export const RISKS = [
  'outside-domain',
  'new-recipients',
  'forwarding',
  'forwarding-filters',
  'mass-changes'
] as const
export type Risk = (typeof RISKS)[number]

/** A person's own choice. Absent in what was stored before: nothing is narrowed. */
export const PersonPolicy = z.object({
  set: z.enum(TOOL_SETS).default('all'),
  modes: z.array(z.enum(TOOL_MODES)).default([]),
  confirm: z.array(z.enum(RISKS)).default([])
})
export type PersonPolicy = z.infer<typeof PersonPolicy>

/** The operator's settings. */
export const OperatorPolicy = PersonPolicy.extend({
  /** Names of tools that nobody gets. */
  disabled: z.array(z.string().max(64)).max(200).default([]),
  /** Addresses, and domains as `@example.com`, to which alone mail may go; empty: to everybody. */
  recipients: z.array(z.string().max(320)).max(1000).default([])
})
export type OperatorPolicy = z.infer<typeof OperatorPolicy>

/** Both, as a worker is told them. What either forbids is forbidden. */
export const ToolPolicy = z.object({ operator: OperatorPolicy, person: PersonPolicy })
export type ToolPolicy = z.infer<typeof ToolPolicy>

/** Nothing is narrowed. */
export const OPEN_POLICY: ToolPolicy = {
  operator: { set: 'all', modes: [], confirm: [], disabled: [], recipients: [] },
  person: { set: 'all', modes: [], confirm: [] }
}

/** The smaller of two sets. */
export const lesserSet = (a: ToolSet, b: ToolSet): ToolSet =>
  TOOL_SETS.indexOf(a) <= TOOL_SETS.indexOf(b) ? a : b
