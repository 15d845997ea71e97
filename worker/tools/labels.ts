import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { createOrFind } from '../gmail/create-once.ts'
import { matches } from '../gmail/label-cache.ts'
import type { Label } from '../gmail/mailbox.ts'
import { LabelOut, labelLine, labelOut, typeOf } from '../messages/label-schema.ts'
import { flag } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { definedOnly } from '../tool-kit/defined-only.ts'
import { ADDS, CHANGES, DESTROYS, READS } from '../tool-kit/schemas.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'

const name = z
  .string()
  .trim()
  .min(1)
  .max(225)
  // Not a pattern: other dialects of regular expressions, which check it too, have no \p.
  .refine((name) => !/\p{Cc}/u.test(name), 'must not hold control characters')
  .refine((path) => path.split('/').every((step) => step.trim() !== ''), 'has an empty level')
  .describe('Nested labels are written Parent/Child')
const messageListVisibility = z.enum(['show', 'hide']).describe('In the list of messages')
const labelListVisibility = z
  .enum(['labelShow', 'labelShowIfUnread', 'labelHide'])
  .describe('In the list of labels')
const HexColor = z
  .string()
  .regex(/^#[0-9a-fA-F]{6}$/)
  .describe("A colour of Gmail's palette, as #rrggbb")
const color = z
  .preprocess(
    (value) => (typeof value === 'string' ? tryJson(value) : value),
    z.strictObject({ textColor: HexColor, backgroundColor: HexColor })
  )
  .optional()
const newLabel = {
  name,
  messageListVisibility: messageListVisibility.default('show'),
  labelListVisibility: labelListVisibility.default('labelShow'),
  color
}

export const listEmailLabels = defineTool({
  name: 'list_email_labels',
  title: 'List labels',
  description: "Lists the mailbox's labels, Gmail's own and the user's.",
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    includeCounts: flag()
      .default(false)
      .describe('Count messages and threads; one more call for each label'),
    prefix: z.string().max(225).optional().describe('Only names that begin so'),
    type: z.enum(['system', 'user']).optional()
  }),
  output: z.object({ labels: z.array(LabelOut), systemCount: z.number(), userCount: z.number() }),
  async run({ includeCounts, prefix, type }, call) {
    const { context, signal } = call
    context.labels.forget()
    const wanted = (await context.labels.all(signal)).filter(
      (label) =>
        (!type || typeOf(label) === type) &&
        (label.name ?? '').toLowerCase().startsWith((prefix ?? '').toLowerCase())
    )
    const counted = includeCounts
      ? await Promise.all(
          wanted.map(({ id }) => context.mailbox.call('labels.get', { id: id ?? '' }, signal))
        )
      : wanted
    const labels = counted.map(labelOut)
    const system = labels.filter((label) => label.type === 'system')
    const structured = {
      labels,
      systemCount: system.length,
      userCount: labels.length - system.length
    }
    const text = `${structured.systemCount} system and ${structured.userCount} user labels.\n${fence(context.nonce(), labels.map(labelLine).join('\n'))}`
    return { structured, text }
  }
})

export const createLabel = defineTool({
  name: 'create_label',
  title: 'Create a label',
  description: 'Creates a label. Fails when it exists: get_or_create_label does not.',
  level: 'gmail.modify',
  annotations: ADDS,
  input: z.object(newLabel),
  output: LabelOut,
  async run(args, call) {
    const [existing] = await sameName(args.name, call)
    if (existing)
      throw new ToolError(
        'invalid_argument',
        `A label "${existing.name}" exists already (id ${existing.id}).`
      )
    const label = await create(args, call)
    return { structured: label, text: `The label was created. ID: ${label.id}.` }
  }
})

export const getOrCreateLabel = defineTool({
  name: 'get_or_create_label',
  title: 'Find or create a label',
  description:
    'Returns the label with this name, whatever its case; creates it, and the labels it is nested in, when there is none.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object(newLabel),
  output: LabelOut.extend({ created: z.boolean() }),
  async run(args, call) {
    const [existing] = await sameName(args.name, call)
    if (existing)
      return {
        structured: { ...labelOut(existing), created: false },
        text: `The label exists. ID: ${existing.id}.`
      }
    for (const parent of parentsOf(args.name))
      if ((await sameName(parent, call)).length === 0)
        await create({ ...args, name: parent, color: undefined }, call)
    const label = await create(args, call)
    return {
      structured: { ...label, created: true },
      text: `The label was created. ID: ${label.id}.`
    }
  }
})

export const updateLabel = defineTool({
  name: 'update_label',
  title: 'Change a label',
  description: 'Changes the name, visibility or colour of a label; what is not given stays.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object({
    id: z.string().min(1).describe('Id or name of the label'),
    name: name.optional(),
    messageListVisibility: messageListVisibility.optional(),
    labelListVisibility: labelListVisibility.optional(),
    color
  }),
  output: LabelOut,
  async run({ id: given, ...changes }, call) {
    const id = await userLabel(given, call)
    const requestBody = definedOnly(changes)
    if (Object.keys(requestBody).length === 0)
      throw new ToolError('invalid_argument', 'Nothing to change was given.')
    const label = await call.context.mailbox.call('labels.patch', { id, requestBody }, call.signal)
    call.context.labels.forget()
    return { structured: labelOut(label), text: `The label was changed. ID: ${id}.` }
  }
})

export const deleteLabel = defineTool({
  name: 'delete_label',
  title: 'Delete a label',
  description:
    "Deletes one of the user's labels for good. Its messages stay and only lose the label. Gmail's own labels are refused.",
  level: 'gmail.modify',
  annotations: DESTROYS,
  input: z.object({ id: z.string().min(1).describe('Id or name of the label') }),
  output: z.object({ id: z.string(), deleted: z.boolean() }),
  async run({ id: given }, call) {
    const id = await userLabel(given, call)
    await call.context.mailbox.call('labels.delete', { id }, call.signal)
    call.context.labels.forget()
    return { structured: { id, deleted: true }, text: `The label was deleted. ID: ${id}.` }
  }
})

async function sameName(wanted: string, { context, signal }: ToolCall): Promise<readonly Label[]> {
  context.labels.forget()
  const folded = wanted.toLowerCase()
  return (await context.labels.all(signal)).filter((label) => label.name?.toLowerCase() === folded)
}

async function create(
  args: {
    name: string
    messageListVisibility: string
    labelListVisibility: string
    color?: { textColor: string; backgroundColor: string } | undefined
  },
  call: ToolCall
): Promise<LabelOut> {
  const { context, signal } = call
  const requestBody = definedOnly(args)
  const label = await createOrFind(
    {
      make: () => context.mailbox.call('labels.create', { requestBody }, signal),
      find: async () => (await sameName(args.name, call))[0],
      unknown:
        'Gmail did not say whether the label was created, and it is not there yet. get_or_create_label finds it or creates it.'
    },
    context.clock,
    signal
  )
  context.labels.forget()
  return labelOut(label)
}

/** The id of a label that may be changed. */
async function userLabel(given: string, { context, signal }: ToolCall): Promise<string> {
  const [id = ''] = await context.labels.resolve([given], signal)
  const [label] = matches(await context.labels.all(signal), id)
  if (label && typeOf(label) === 'system')
    throw new ToolError('invalid_argument', `"${label.name}" is one of Gmail's own labels.`)
  return id
}

/** `A` and `A/B` for `A/B/C`. */
const parentsOf = (nested: string): string[] =>
  nested
    .split('/')
    .slice(0, -1)
    .map((_, index, steps) => steps.slice(0, index + 1).join('/'))
    .filter((each) => each !== '')

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
