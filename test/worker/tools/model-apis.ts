/**
 * What the model APIs publish about the schemas of functions, as tables. A client hands the input schemas of our
 * tools to one of them, most often unchanged, and a single word that it does not know fails the request with all
 * tools in it.
 */

export interface ModelApi {
  readonly name: string
  readonly source: string
  /** Names of tools. */
  readonly toolName: RegExp
  /** Names of arguments, where they are limited. */
  readonly argument: RegExp
  readonly maxDescription: number
  readonly maxTools: number
  /** Every word that a schema may hold. */
  readonly keywords: readonly string[]
  /** The values of `format` that it takes for strings. */
  readonly formats: readonly string[]
  /** Levels of objects and arrays in each other. */
  readonly maxDepth: number
  readonly maxProperties: number
  readonly maxEnumValues: number
  /** Characters of all names and enum values together. */
  readonly maxNameChars: number
  /** Objects inside arguments must say what they hold. */
  readonly noEmptyObjects: boolean
  /** Every object is closed, and every argument required (an optional one can be null). */
  readonly strict: boolean
}

const NO_LIMIT = Number.POSITIVE_INFINITY
const COMMON = ['type', 'description', 'properties', 'required', 'items', 'enum', 'anyOf'] as const
const ANYTHING = /^[\s\S]+$/

/** JSON Schema 2020-12 without what draft 7 validators, which several clients have, would misread. */
const PLAIN = [
  ...COMMON,
  ...['title', 'default', 'format', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum'],
  ...['minItems', 'maxItems', 'additionalProperties', 'const']
]

export const MODEL_APIS: readonly ModelApi[] = [
  {
    name: 'OpenAI functions',
    source: 'platform.openai.com/docs/api-reference: FunctionObject; name, description, parameters',
    toolName: /^[A-Za-z0-9_-]{1,64}$/,
    argument: ANYTHING,
    maxDescription: 1024,
    maxTools: 128,
    keywords: PLAIN,
    formats: ['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid'],
    maxDepth: 10,
    maxProperties: 5000,
    maxEnumValues: 1000,
    maxNameChars: 120_000,
    noEmptyObjects: false,
    strict: false
  },
  {
    name: 'Anthropic tools',
    source:
      'docs.claude.com, Messages API: tools[].name ^[a-zA-Z0-9_-]{1,64}$, input_schema of type object without anyOf, oneOf or allOf at the top; property keys ^[a-zA-Z0-9_.-]{1,64}$',
    toolName: /^[A-Za-z0-9_-]{1,64}$/,
    argument: /^[A-Za-z0-9_.-]{1,64}$/,
    maxDescription: 1024,
    maxTools: NO_LIMIT,
    keywords: PLAIN,
    formats: ['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6'],
    maxDepth: NO_LIMIT,
    maxProperties: NO_LIMIT,
    maxEnumValues: NO_LIMIT,
    maxNameChars: NO_LIMIT,
    noEmptyObjects: false,
    strict: false
  },
  {
    name: 'Gemini function declarations',
    source:
      'ai.google.dev/api/caching: FunctionDeclaration.name (letters, digits, _ : . -, at most 64, a letter or _ first) and Schema, the subset of OpenAPI 3.0 that `parameters` takes; string formats "enum" and "date-time"; arrays need items, objects properties. `parametersJsonSchema` takes more',
    toolName: /^[A-Za-z_][A-Za-z0-9_:.-]{0,63}$/,
    argument: /^[A-Za-z_][A-Za-z0-9_]{0,63}$/,
    maxDescription: 1024,
    maxTools: 512,
    keywords: [
      ...COMMON,
      ...['title', 'default', 'format', 'nullable', 'pattern', 'example', 'propertyOrdering'],
      ...['minLength', 'maxLength', 'minimum', 'maximum', 'minItems', 'maxItems'],
      ...['minProperties', 'maxProperties']
    ],
    formats: ['enum', 'date-time'],
    maxDepth: NO_LIMIT,
    maxProperties: NO_LIMIT,
    maxEnumValues: NO_LIMIT,
    maxNameChars: NO_LIMIT,
    noEmptyObjects: true,
    strict: false
  }
]

export const OPENAI_STRICT: ModelApi = {
  name: 'OpenAI strict functions',
  source:
    'platform.openai.com/docs/guides/structured-outputs: supported schemas. Not minLength, maxLength and default',
  toolName: /^[A-Za-z0-9_-]{1,64}$/,
  argument: ANYTHING,
  maxDescription: 1024,
  maxTools: 128,
  keywords: [
    ...COMMON,
    ...['const', 'pattern', 'format', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
    ...['multipleOf', 'minItems', 'maxItems', 'additionalProperties', '$defs', '$ref']
  ],
  formats: ['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid'],
  maxDepth: 10,
  maxProperties: 5000,
  maxEnumValues: 1000,
  maxNameChars: 120_000,
  noEmptyObjects: false,
  strict: true
}

/** As far as a tool goes into the request of a model. */
export interface ListedTool {
  readonly name: string
  readonly description?: string | undefined
  readonly inputSchema: object
}

/** What the API would refuse about a tool, each as a few words; nothing when it takes it. */
export function refusals(api: ModelApi, { name, description = '', inputSchema }: ListedTool) {
  const places = [...placesIn(inputSchema)]
  const names = places.flatMap(({ members }) => members.map(([key]) => key))
  const values = places.flatMap(({ schema }) => listOf(schema.enum))
  const chars = [...names, ...values].join('').length
  return [
    ...(api.toolName.test(name) ? [] : [`the name ${name}`]),
    ...(description.length > api.maxDescription ? ['the length of the description'] : []),
    ...(places[0]?.schema.type === 'object' ? [] : ['a root that is no object']),
    ...('anyOf' in inputSchema ? ['anyOf at the root'] : []),
    ...(names.length > api.maxProperties ? [`${names.length} properties`] : []),
    ...(values.length > api.maxEnumValues ? [`${values.length} enum values`] : []),
    ...(chars > api.maxNameChars ? [`${chars} characters of names`] : []),
    ...places.flatMap((place) => RULES.flatMap((rule) => rule(api, place)))
  ]
}

/** A schema inside a schema. */
interface Place {
  readonly schema: Readonly<Record<string, unknown>>
  readonly at: string
  readonly depth: number
  readonly isObject: boolean
  readonly members: readonly (readonly [string, object])[]
}

function* placesIn(given: object, at = 'root', depth = 1): Generator<Place> {
  const schema = membersOf(given)
  const { type, properties, items, anyOf, additionalProperties } = schema
  const members = Object.entries(membersOf(properties)).map(
    ([key, member]) => [key, membersOf(member)] as const
  )
  yield { schema, at, depth, members, isObject: [type].flat().includes('object') }
  for (const [key, member] of members) yield* placesIn(member, `${at}.${key}`, depth + 1)
  for (const each of listOf(anyOf)) yield* placesIn(membersOf(each), at, depth)
  if (isObject(items)) yield* placesIn(items, `${at}[]`, depth + 1)
  if (isObject(additionalProperties)) yield* placesIn(additionalProperties, `${at}.*`, depth + 1)
}

type Rule = (api: ModelApi, place: Place) => string[]

const RULES: readonly Rule[] = [
  ({ keywords }, { schema, at }) =>
    Object.keys(schema)
      .filter((keyword) => !keywords.includes(keyword))
      .map((keyword) => `${keyword} in ${at}`),
  ({ maxDepth }, { at, depth }) => (depth > maxDepth ? [`the depth of ${at}`] : []),
  (_, { schema, at }) => ('type' in schema || 'anyOf' in schema ? [] : [`no type in ${at}`]),
  ({ formats }, { schema: { format }, at }) =>
    format === undefined || formats.some((each) => each === format)
      ? []
      : [`format ${String(format)} in ${at}`],
  (_, { schema: { pattern }, at }) =>
    typeof pattern !== 'string' || isPlainPattern(pattern) ? [] : [`pattern in ${at}`],
  ({ strict }, { schema, at }) =>
    listOf(schema.enum).every((value) => isText(value) || (strict && value === null))
      ? []
      : [`an enum value in ${at} that is no text`],
  (_, { schema: { type, items }, at }) =>
    type === 'array' && !isObject(items) ? [`no items in ${at}`] : [],
  ({ noEmptyObjects }, { isObject, members, at, depth }) =>
    noEmptyObjects && isObject && depth > 1 && members.length === 0
      ? [`no properties in ${at}`]
      : [],
  (_, { schema, members, at }) =>
    listOf(schema.required)
      .filter((wanted) => !members.some(([key]) => key === wanted))
      .map((wanted) => `required ${String(wanted)} in ${at}`),
  ({ argument }, { members, at }) =>
    members.filter(([key]) => !argument.test(key)).map(([key]) => `the name ${at}.${key}`),
  ({ strict }, { schema, isObject, at }) =>
    strict && isObject && schema.additionalProperties !== false ? [`an open object in ${at}`] : [],
  ({ strict }, { schema, members, at }) =>
    strict && members.some(([key]) => !listOf(schema.required).includes(key))
      ? [`optional members in ${at}`]
      : []
]

/**
 * What a client does that must have strict schemas (OpenAI's guide: "all fields must be required"; optional ones may
 * be null): closed objects, everything required, and without the words that strict schemas do not know.
 */
export function asStrict(schema: object): Record<string, unknown> {
  const { default: _, minLength: __, maxLength: ___, ...rest } = membersOf(schema)
  if (isObject(rest.items)) return { ...rest, items: asStrict(rest.items) }
  // An object of free keys stays as it is: nothing closed says the same.
  if (rest.type !== 'object' || 'additionalProperties' in rest) return rest
  const wanted = listOf(rest.required)
  const members = Object.entries(membersOf(rest.properties)).map(([key, member]) => {
    const strict = asStrict(membersOf(member))
    return [key, wanted.includes(key) ? strict : orNull(strict)] as const
  })
  return {
    ...rest,
    properties: Object.fromEntries(members),
    required: members.map(([key]) => key),
    additionalProperties: false
  }
}

const orNull = ({ type, ...rest }: Record<string, unknown>) => ({
  ...rest,
  type: [type, 'null'],
  ...(Array.isArray(rest.enum) && { enum: [...rest.enum, null] })
})

/** Validators in other languages check arguments too: no look-around, no back-references, no Unicode classes. */
const isPlainPattern = (pattern: string): boolean => !/\(\?[^:]|\\[1-9pPkbB]/.test(pattern)

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const membersOf = (schema: unknown): Record<string, unknown> =>
  isObject(schema) ? { ...schema } : {}
