import type { CallToolResult, ToolAnnotations } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { type AccessLevel, googleScopesFor } from '#shared/access-levels.ts'
import { nearNames } from '#shared/near-names.ts'
import { ToolError } from '#shared/tool-error.ts'
import { noteOurFault, servedRequest } from '../process/served-request.ts'
import type { ToolCall } from './context.ts'
import { fitText } from './fit-text.ts'
import { markedNames, marking, UNTRUSTED, UNTRUSTED_SCHEMA } from './untrusted-fields.ts'

/** What a tool answers: the same for programs and for readers. */
export interface Answer<T> {
  readonly structured: T
  readonly text: string
  /** Further content, such as an image. */
  readonly more?: CallToolResult['content']
}

export interface ToolSpec<I extends z.ZodObject, O extends z.ZodObject, C = ToolCall> {
  readonly name: string
  readonly title: string
  readonly description: string
  /** The least access level of a token that may call it. */
  readonly level: AccessLevel
  /** The level that a call with these arguments needs, where it depends on them. */
  readonly levelOf?: (args: Readonly<Record<string, unknown>>) => AccessLevel
  readonly annotations: Required<Omit<ToolAnnotations, 'title'>>
  readonly input: I
  readonly output: O
  readonly run: (args: z.output<I>, call: C) => Promise<Answer<z.input<O>>>
}

/** A tool without its types, as the catalog holds it. */
export interface Tool<C = ToolCall> {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly level: AccessLevel
  readonly levelOf: (args: Readonly<Record<string, unknown>>) => AccessLevel
  readonly annotations: ToolAnnotations
  /** JSON Schemas, made once. The output schema also admits a failure. */
  readonly inputSchema: () => Record<string, unknown>
  readonly outputSchema: () => Record<string, unknown>
  /** Never rejects, except when the client cancels: a failure is a result that says so. */
  readonly invoke: (args: unknown, call: C) => Promise<CallToolResult>
}

/** What a failure looks like in `structuredContent`; it stands in the list for each tool, so it is short. */
const FAILURE = {
  properties: {
    code: { type: 'string' },
    message: { type: 'string' },
    retryable: { type: 'boolean' }
  },
  required: ['code', 'message', 'retryable']
}

export function defineTool<
  I extends z.ZodObject,
  O extends z.ZodObject,
  C extends { readonly signal: AbortSignal } = ToolCall
>(spec: ToolSpec<I, O, C>): Tool<C> {
  const { name, title, description, level, annotations } = spec
  const marked = once(() => markedNames(spec.output))
  return {
    name,
    title,
    description,
    level,
    levelOf: spec.levelOf ?? (() => level),
    annotations: { title, ...annotations },
    inputSchema: once(() => jsonSchema(spec.input, 'input')),
    outputSchema: once(() => admitFailure(jsonSchema(spec.output, 'output'), marked().size > 0)),
    async invoke(args, call) {
      try {
        const { parsed, ignored } = parseArguments(spec, args)
        const { structured, text, more = [] } = await spec.run(parsed, call)
        const structuredContent = marking({ ...structured }, marked())
        return {
          content: [{ type: 'text', text: fitText(text) }, ...more],
          structuredContent,
          ...(ignored.length > 0 && { _meta: { [IGNORED]: ignored } })
        }
      } catch (error) {
        call.signal.throwIfAborted()
        return failed(error, spec.level)
      }
    }
  }
}

/** Arguments of older servers that would choose the account, a place on the server or its credentials. */
const REFUSED: Readonly<Record<string, string>> = {
  callbackUrl: 'the sign-in belongs to the server',
  clientId: 'the sign-in belongs to the server',
  clientSecret: 'the sign-in belongs to the server',
  credentialsPath: 'the server reads no files for a client',
  email: 'the mailbox is always the one of the signed-in account',
  oauthPath: 'the server reads no files for a client',
  savePath: 'where files are saved is not for a caller to say',
  sessionToken: 'the mailbox is always the one of the signed-in account',
  storagePath: 'the sign-in belongs to the server',
  userId: 'the mailbox is always the one of the signed-in account',
  user_google_email: 'the mailbox is always the one of the signed-in account'
}

/** Where a result names the arguments that the tool does not know and went without. */
const IGNORED = 'ignoredArguments'

/**
 * Clients add arguments of their own to every call (Gemini CLI: `wait_for_previous`), so what a tool does not
 * know is ignored. What looks like a known name that was mistyped is not: a `dry_run` that goes unheard sends.
 */
function parseArguments<I extends z.ZodObject>(
  spec: { readonly name: string; readonly input: I },
  raw: unknown
): { readonly parsed: z.output<I>; readonly ignored: readonly string[] } {
  const given = z.record(z.string(), z.unknown()).safeParse(raw ?? {})
  if (!given.success) throw new ToolError('invalid_argument', 'The arguments must be an object.')
  // Some clients send null for what they leave out.
  const args = Object.fromEntries(Object.entries(given.data).filter(([, value]) => value !== null))
  const shape = spec.input.shape
  const known = Object.keys(shape)
  const unknown = Object.keys(args).filter((key) => !Object.hasOwn(shape, key))
  const wrong = unknown.flatMap((key) => refusal(key, known, args) ?? [])
  if (wrong.length > 0) {
    const all = few(wrong, (sentence) => sentence).join(' ')
    throw new ToolError(
      'invalid_argument',
      `${all} Known arguments: ${known.join(', ') || 'none'}.`
    )
  }
  const parsed = spec.input.safeParse(
    Object.fromEntries(
      known.filter((key) => Object.hasOwn(args, key)).map((key) => [key, args[key]])
    )
  )
  if (!parsed.success)
    throw new ToolError('invalid_argument', describeIssues(spec.name, parsed.error.issues))
  const ignored = unknown.slice(0, MOST_MISTAKES).map((key) => key.slice(0, MOST_NAME_CHARS))
  return { parsed: parsed.data, ignored }
}

/** Why an argument that the tool does not have cannot just be ignored; undefined when it can. */
function refusal(
  key: string,
  known: readonly string[],
  given: Readonly<Record<string, unknown>>
): string | undefined {
  const why = Object.hasOwn(REFUSED, key) ? REFUSED[key] : undefined
  if (why !== undefined) return `${key} cannot be given: ${why}.`
  const meant = nearNames(key, known).filter((name) => !Object.hasOwn(given, name))
  if (meant.length === 0) return undefined
  const name = JSON.stringify(key.slice(0, MOST_NAME_CHARS))
  return `Unknown argument ${name}: did you mean ${meant.slice(0, 3).join(' or ')}?`
}

const describeIssues = (tool: string, issues: readonly z.core.$ZodIssue[]): string =>
  `Wrong arguments for ${tool}. ${few(
    issues,
    ({ path, message }) => `${path.join('.') || 'arguments'}: ${message}`
  ).join('; ')}.`

/** An answer must not grow with what is wrong in the question. */
const MOST_MISTAKES = 10
const MOST_NAME_CHARS = 60

function few<M>(mistakes: readonly M[], describe: (mistake: M) => string): string[] {
  const told = mistakes.slice(0, MOST_MISTAKES).map(describe)
  const others = mistakes.length - told.length
  return others > 0 ? [...told, `And ${others} more.`] : told
}

/** What a client is told of a failure; one that nobody foresaw says nothing of itself. */
export function failed(error: unknown, level: AccessLevel): CallToolResult {
  if (!(error instanceof ToolError)) noteOurFault()
  const known =
    error instanceof ToolError
      ? error
      : new ToolError('upstream_unavailable', 'The call failed for a reason of the server.', {
          cause: error,
          retryable: false
        })
  const { code, message, retryable, retryAfterMs } = known
  const requestId = servedRequest()?.shownId
  const requiredScopes =
    known.requiredScopes ?? (code === 'scope_insufficient' ? googleScopesFor(level) : undefined)
  const structured = {
    code,
    message,
    retryable,
    ...(code === 'needs_reauth' && { needsReauth: true }),
    ...(requiredScopes && { requiredScopes: [...requiredScopes] }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(requestId !== undefined && { requestId })
  }
  const named = requestId === undefined ? '' : `\nRequest: ${requestId}`
  return {
    isError: true,
    content: [{ type: 'text', text: `${fitText(`${code}: ${message}`)}${named}` }],
    structuredContent: structured
  }
}

/** Of lengths. Those of numbers stay: they are what a model chooses from. */
const BOUNDS = ['minLength', 'maxLength', 'minItems', 'maxItems'] as const

function jsonSchema(schema: z.ZodObject, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    // zod leaves the default out where strings are coerced first.
    override: ({ zodSchema: { _zod }, jsonSchema: made }) => {
      if (_zod.def.type === 'default') made.default = _zod.def.defaultValue
      // Every key of JSON is a string; Gemini and OpenAI refuse a whole request for the word.
      delete made.propertyNames
      // Gemini's `parameters` does not know it. An object that takes no other members refuses them when it is called.
      if (io === 'input' && made.additionalProperties === false) delete made.additionalProperties
      // No model counts to 2,000,000; what breaks a bound is refused with a sentence that names it.
      if (io === 'input') for (const bound of BOUNDS) delete made[bound]
    }
  })
  return { ...json, type: 'object' }
}

/**
 * Clients of the 2025 generation check the structured content of failures against the output schema too. So a result has
 * either what the tool promises or what a failure has.
 */
function admitFailure(
  schema: Record<string, unknown>,
  hasTheirWords: boolean
): Record<string, unknown> {
  const { required, additionalProperties: _, properties, ...rest } = schema
  return {
    ...rest,
    properties: { ...(hasTheirWords && { [UNTRUSTED]: UNTRUSTED_SCHEMA }), ...Object(properties) },
    anyOf: [{ required: required ?? [] }, FAILURE]
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
