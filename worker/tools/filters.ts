import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { sameAddress } from '../gmail/addresses.ts'
import { singleLine } from '../gmail/compose.ts'
import { createOrFind } from '../gmail/create-once.ts'
import { criteriaOf, searchOf, TEMPLATES } from '../gmail/filter-criteria.ts'
import type { Filter } from '../gmail/mailbox.ts'
import { isAskedAbout, requireAllowed } from '../messages/risk-policy.ts'
import { cleanLine } from '../mime/clean-text.ts'
import { flag, int, objectOf, stringList } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { definedOnly } from '../tool-kit/defined-only.ts'
import { ADDS, DESTROYS, READS } from '../tool-kit/schemas.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'

const text = z.string().min(1).max(1500)
const criteriaShape = {
  from: text.optional(),
  to: text.optional(),
  subject: text.optional(),
  query: text.optional().describe('Gmail search'),
  negatedQuery: text.optional().describe('Gmail search for what must not match'),
  hasAttachment: flag().optional(),
  excludeChats: flag().optional(),
  size: int(1, 1_000_000_000).optional().describe('Bytes'),
  sizeComparison: z.enum(['unspecified', 'smaller', 'larger']).optional()
}
const actionShape = {
  addLabelIds: stringList(0, 20).optional().describe('By id or name'),
  removeLabelIds: stringList(0, 20).optional().describe('INBOX archives, UNREAD marks as read'),
  forward: z.string().max(320).optional().describe('A verified forwarding address of the account')
}
export const Criteria = z.strictObject(criteriaShape)
export const Action = z.strictObject(actionShape)
type Criteria = z.output<typeof Criteria>
type Action = z.output<typeof Action>

const FilterOut = z.object({
  id: z.string(),
  criteria: theirs(
    z.object({
      ...criteriaShape,
      hasAttachment: z.boolean().optional(),
      excludeChats: z.boolean().optional(),
      size: z.number().optional(),
      sizeComparison: z.string().optional()
    })
  ),
  action: z.object({
    addLabelIds: z.array(z.string()),
    removeLabelIds: z.array(z.string()),
    forward: z.string().optional()
  })
})
type FilterOut = z.input<typeof FilterOut>

const filterId = z.string().min(1).max(200).describe('As list_filters gives it')

export const listFilters = defineTool({
  name: 'list_filters',
  title: 'List filters',
  description: 'Lists the filters that Gmail applies to mail that arrives.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({}),
  output: z.object({ filters: z.array(FilterOut) }),
  async run(_, { context, signal }) {
    const { filter = [] } = await context.mailbox.call('filters.list', {}, signal)
    const filters = filter.map(filterOut)
    const lines = filters.map(filterLine).join('\n')
    return {
      structured: { filters },
      text:
        filters.length === 0
          ? 'There are no filters.'
          : `${filters.length} filters.\n${fence(context.nonce(), lines)}`
    }
  }
})

export const getFilter = defineTool({
  name: 'get_filter',
  title: 'Show a filter',
  description: 'Shows one filter with its criteria and its actions.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({ filterId }),
  output: FilterOut,
  async run({ filterId: id }, { context, signal }) {
    const filter = filterOut(await context.mailbox.call('filters.get', { id }, signal))
    return { structured: filter, text: fence(context.nonce(), filterLine(filter)) }
  }
})

const confirm = flag()
  .optional()
  .describe('Whether the user agreed to forward mail; needed with forward')

export const createFilter = defineTool({
  name: 'create_filter',
  title: 'Create a filter',
  description:
    'Creates a filter for mail that arrives from now on; apply_filter_to_existing does the same to older mail.',
  level: 'gmail.settings',
  annotations: ADDS,
  input: z.object({ criteria: objectOf(Criteria), action: objectOf(Action), confirm }),
  output: FilterOut,
  async run({ criteria, action, confirm: isConfirmed }, call) {
    const filter = await create(criteria, action, isConfirmed === true, call)
    return { structured: filter, text: `The filter was created. ID: ${filter.id}.` }
  }
})

export const createFilterFromTemplate = defineTool({
  name: 'create_filter_from_template',
  title: 'Create a well-known filter',
  description:
    'Creates a filter of a common kind: by sender, subject, attachment, size, text or mailing list.',
  level: 'gmail.settings',
  annotations: ADDS,
  input: z.object({
    template: z.enum(TEMPLATES),
    parameters: objectOf(
      z.strictObject({
        senderEmail: text.optional(),
        subjectText: text.optional(),
        searchText: text.optional(),
        listIdentifier: text.optional(),
        sizeInBytes: int(1, 1_000_000_000).optional(),
        labelIds: stringList(0, 20).optional().describe('Labels to add, by id or name'),
        archive: flag().optional().describe('Default: only for mailingList'),
        markAsRead: flag().optional(),
        markImportant: flag().optional()
      })
    )
  }),
  output: FilterOut,
  async run({ template, parameters }, call) {
    const { labelIds = [], archive = template === 'mailingList' } = parameters
    const action = {
      addLabelIds: [...labelIds, ...(parameters.markImportant ? ['IMPORTANT'] : [])],
      removeLabelIds: [...(archive ? ['INBOX'] : []), ...(parameters.markAsRead ? ['UNREAD'] : [])]
    }
    const filter = await create(criteriaOf(template, parameters), action, false, call)
    return { structured: filter, text: `The filter was created. ID: ${filter.id}.` }
  }
})

export const deleteFilter = defineTool({
  name: 'delete_filter',
  title: 'Delete a filter',
  description: 'Deletes a filter. What it did to mail stays.',
  level: 'gmail.settings',
  annotations: DESTROYS,
  input: z.object({ filterId }),
  output: z.object({ filterId: z.string(), deleted: z.boolean() }),
  async run({ filterId: id }, { context, signal }) {
    await context.mailbox.call('filters.delete', { id }, signal)
    return { structured: { filterId: id, deleted: true }, text: `Filter ${id} was deleted.` }
  }
})

async function create(
  criteria: Criteria,
  action: Action,
  isConfirmed: boolean,
  call: ToolCall
): Promise<FilterOut> {
  const { context, signal } = call
  if (searchOf(criteria) === '')
    throw new ToolError('invalid_argument', 'A filter needs at least one criterion.')
  for (const [key, value] of Object.entries(criteria)) singleLine(key, String(value))
  const resolved = await resolveAction(action, call)
  if (action.forward !== undefined) await checkForward(action.forward, call)
  const wanted = { criteria, action: resolved }
  const known = await sameFilter(wanted, call)
  if (known) throw new ToolError('invalid_argument', `This filter exists already (id ${known.id}).`)
  if (action.forward !== undefined)
    await askToForward({ criteria, action, forward: action.forward }, isConfirmed, call)
  const requestBody = { criteria: definedOnly(criteria), action: resolved }
  const made = await createOrFind(
    {
      make: () => context.mailbox.call('filters.create', { requestBody }, signal),
      find: () => sameFilter(wanted, call),
      unknown:
        'Gmail did not say whether the filter was created, and it is not there yet. Look with list_filters before creating it again.'
    },
    context.clock,
    signal
  )
  return filterOut(made)
}

/** What a filter is, without its id. */
interface Rule {
  readonly criteria: Criteria
  readonly action: Action
}

/**
 * The filter that does the same with the same mail, of which there can be one. Filters with the same criteria that do other
 * things stand beside each other: Gmail lets each of them add one label.
 */
async function sameFilter(
  wanted: Rule,
  { context, signal }: ToolCall
): Promise<Filter | undefined> {
  const { filter = [] } = await context.mailbox.call('filters.list', {}, signal)
  return filter.find((each) => {
    const { criteria, action } = filterOut(each)
    return isSame(criteria, wanted.criteria) && doesSame(action, wanted.action)
  })
}

/** Label names become ids. Throws `invalid_argument` when nothing would be done. */
export async function resolveAction(action: Action, { context, signal }: ToolCall) {
  const addLabelIds = await context.labels.resolve(action.addLabelIds ?? [], signal)
  const removeLabelIds = await context.labels.resolve(action.removeLabelIds ?? [], signal)
  if (addLabelIds.length + removeLabelIds.length === 0 && action.forward === undefined)
    throw new ToolError('invalid_argument', 'A filter needs at least one action.')
  return { addLabelIds, removeLabelIds, ...(action.forward && { forward: action.forward }) }
}

/** A filter that forwards gives mail away for as long as it stands. */
async function checkForward(address: string, { context, signal }: ToolCall): Promise<void> {
  const { forwardingAddresses = [] } = await context.mailbox.call(
    'forwardingAddresses.list',
    {},
    signal
  )
  const isVerified = forwardingAddresses.some(
    ({ forwardingEmail, verificationStatus }) =>
      sameAddress(forwardingEmail ?? '', address) && verificationStatus === 'accepted'
  )
  if (!isVerified)
    throw new ToolError(
      'recipient_not_allowed',
      'forward must be a forwarding address that the account has verified in Gmail.'
    )
  requireAllowed([address], context.policy())
}

/** By policy the person says so; without one, the model that it has asked. */
async function askToForward(
  {
    criteria,
    action,
    forward
  }: { readonly criteria: Criteria; readonly action: Action; readonly forward: string },
  isConfirmed: boolean,
  call: ToolCall
): Promise<void> {
  if (!isAskedAbout('forwarding-filters', call.context.policy())) {
    if (isConfirmed) return
    throw new ToolError(
      'confirmation_required',
      'Ask the user whether this mail is to be forwarded, then call again with confirm: true.'
    )
  }
  const rule = JSON.stringify(definedOnly(criteria))
  const words = [
    `Send mail on to ${forward}, from now on and for as long as the filter stands.`,
    `All that arrives and fits: ${rule}`
  ]
  await call.confirm({
    tool: 'create_filter',
    what: [criteria, action],
    words,
    agreed: isConfirmed
  })
}

function doesSame(a: Action, b: Action): boolean {
  const written = ({ addLabelIds = [], removeLabelIds = [], forward = '' }: Action) =>
    JSON.stringify([addLabelIds.toSorted(), removeLabelIds.toSorted(), forward.toLowerCase()])
  return written(a) === written(b)
}

function isSame(a: FilterOut['criteria'], b: Criteria): boolean {
  const sorted = (criteria: object) =>
    JSON.stringify(
      Object.entries(criteria)
        .filter(([, value]) => value !== undefined && value !== 'unspecified' && value !== false)
        .toSorted(([one], [other]) => one.localeCompare(other))
    )
  return sorted(a) === sorted(b)
}

function filterOut({ id, criteria, action }: Filter): FilterOut {
  const given = Object.entries(criteria ?? {})
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => [key, typeof value === 'string' ? cleanLine(value) : value])
  const { forward } = action ?? {}
  return {
    id: id ?? '',
    criteria: Object.fromEntries(given),
    action: {
      addLabelIds: action?.addLabelIds ?? [],
      removeLabelIds: action?.removeLabelIds ?? [],
      ...(forward && { forward })
    }
  }
}

const filterLine = ({ id, criteria, action }: FilterOut): string =>
  `- ${id}: when ${JSON.stringify(criteria)} then ${JSON.stringify(action)}`
