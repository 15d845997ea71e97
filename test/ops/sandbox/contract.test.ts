import { existsSync, readFileSync } from 'node:fs'
import { OAuth2Client } from 'google-auth-library'
import { gmail } from 'googleapis/build/src/apis/gmail/index.js'
import t from 'tap'
import * as z from 'zod'
import type { GmailMethod } from '../../../ops/sandbox/gmail/method.ts'
import { GMAIL_METHODS } from '../../../ops/sandbox/gmail/methods.ts'
import { startSandbox } from '../../../ops/sandbox/sandbox.ts'
import { gmailOf, rawMail } from '../../helpers/sandbox-gmail.ts'

const file =
  process.env.GMAIL_DISCOVERY ??
  new URL('../../../../shared/data/gmail.v1.json', import.meta.url).pathname

interface Schema {
  readonly $ref?: string | undefined
  readonly type?: string | undefined
  readonly enum?: readonly string[] | undefined
  readonly items?: Schema | undefined
  readonly properties?: Readonly<Record<string, Schema>> | undefined
}

const SchemaShape: z.ZodType<Schema> = z.object({
  $ref: z.string().optional(),
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  get items() {
    return SchemaShape.optional()
  },
  get properties() {
    return z.record(z.string(), SchemaShape).optional()
  }
})

const Method = z.object({
  id: z.string(),
  httpMethod: z.string(),
  path: z.string(),
  parameters: z.record(z.string(), z.object({ location: z.string() })).default({}),
  scopes: z.array(z.string()).default([]),
  request: z.object({ $ref: z.string() }).optional(),
  response: z.object({ $ref: z.string() }).optional(),
  supportsMediaUpload: z.boolean().default(false)
})

interface Resource {
  readonly methods: Readonly<Record<string, z.infer<typeof Method>>>
  readonly resources: Readonly<Record<string, Resource>>
}

const ResourceShape: z.ZodType<Resource> = z.object({
  methods: z.record(z.string(), Method).default({}),
  get resources() {
    return z.record(z.string(), ResourceShape).default({})
  }
})

const Description = z.object({
  schemas: z.record(z.string(), SchemaShape),
  resources: z.record(z.string(), ResourceShape)
})

function describe() {
  const { schemas, resources } = Description.parse(JSON.parse(readFileSync(file, 'utf8')))
  const methods = new Map<string, z.infer<typeof Method>>()
  const collect = ({ methods: own, resources: inner }: Resource) => {
    for (const method of Object.values(own))
      methods.set(method.id.replace('gmail.users.', ''), method)
    for (const resource of Object.values(inner)) collect(resource)
  }
  for (const resource of Object.values(resources)) collect(resource)
  return { schemas, methods }
}

type Schemas = Readonly<Record<string, Schema>>

/** The first thing in `value` that the schema does not allow. */
function mismatch(value: unknown, schema: Schema, schemas: Schemas, path = ''): string | undefined {
  if (schema.$ref) return mismatch(value, schemas[schema.$ref] ?? {}, schemas, path)
  if (schema.type === 'array') return mismatchInList(value, schema, schemas, path)
  if (schema.type === 'object') return mismatchInObject(value, schema, schemas, path)
  const type = schema.type === 'integer' ? 'number' : schema.type
  if (typeof value !== type) return `${path} is ${typeof value}, not ${type}`
  return schema.enum && !schema.enum.includes(String(value)) ? `${path} is ${value}` : undefined
}

function mismatchInList(value: unknown, { items = {} }: Schema, schemas: Schemas, path: string) {
  if (!Array.isArray(value)) return `${path} is no list`
  return value
    .map((item, index) => mismatch(item, items, schemas, `${path}[${index}]`))
    .find(Boolean)
}

function mismatchInObject(value: unknown, { properties }: Schema, schemas: Schemas, path: string) {
  if (typeof value !== 'object' || value === null) return `${path} is no object`
  return Object.entries(value)
    .map(([key, field]) => {
      const known = properties?.[key]
      return known ? mismatch(field, known, schemas, `${path}.${key}`) : `${path}.${key} is unknown`
    })
    .find(Boolean)
}

const inputKeys = (schema: z.ZodType | undefined) =>
  Object.keys(
    schema ? (z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }).properties ?? {}) : {}
  ).sort()

t.test("Google's own client works against it, uploads included", async (t) => {
  const sandbox = await startSandbox()
  t.teardown(() => sandbox.close())
  const email = sandbox.users[0]?.email ?? ''
  const { accessToken } = sandbox.issueGrant(email, ['https://mail.google.com/'])
  const auth = new OAuth2Client()
  auth.setCredentials({ access_token: accessToken })
  const rootUrl = `${sandbox.url}/`
  const { users } = gmail({ version: 'v1', auth, rootUrl })
  const me = { userId: 'me' }
  const { data: page } = await users.messages.list({ ...me, q: 'is:starred', labelIds: ['INBOX'] })
  t.ok(page.messages?.length)
  const id = page.messages?.[0]?.id ?? ''
  const { data } = await users.messages.get({
    ...me,
    id,
    format: 'metadata',
    metadataHeaders: ['Subject', 'From']
  })
  t.same(data.payload?.headers?.map(({ name }) => name).sort(), ['From', 'Subject'])
  const media = { mimeType: 'message/rfc822', body: `To: ${email}\r\nSubject: Media\r\n\r\nhi` }
  const sent = await users.messages.send({ ...me, media }, { rootUrl })
  t.same(sent.data.labelIds, ['SENT', 'INBOX', 'UNREAD'])
  const removed = await users.messages.batchDelete({ ...me, requestBody: { ids: [id] } })
  t.equal(removed.status, 204)
  await t.rejects(users.messages.get({ ...me, id }), { message: /not found/ })
})

const skip = existsSync(file) ? false : "Google's description of the API is not here"

t.test(
  'every method is served under its verb, path and scopes, with its input',
  { skip },
  async (t) => {
    const { methods, schemas } = describe()
    const templated = (path: string) => `gmail/v1/users/{userId}/${path.replace(/:(\w+)/g, '{$1}')}`
    for (const method of GMAIL_METHODS) {
      const wanted = methods.get(method.name)
      t.ok(wanted, `${method.name} exists`)
      if (!wanted) continue
      t.equal(method.verb, wanted.httpMethod, method.name)
      t.equal(templated(method.path), wanted.path)
      const scopes = wanted.scopes.filter((scope) => !scope.includes('addons'))
      t.same([...method.anyOf].sort(), scopes.sort(), `${method.name} asks for Google's scopes`)
      const parameters = Object.entries(wanted.parameters)
      const query = parameters
        .filter(([, { location }]) => location === 'query')
        .map(([name]) => name)
      t.same(inputKeys(method.query), query.sort(), `${method.name} takes Google's parameters`)
      t.equal(method.maxUpload !== undefined, wanted.supportsMediaUpload)
      const body = schemas[wanted.request?.$ref ?? '']?.properties ?? {}
      const unknown = inputKeys(method.body).filter((key) => !(key in body))
      t.same(unknown, [], `${method.name} takes no field that Google does not know`)
    }
    const missing = [...methods.keys()].filter(
      (name) => !GMAIL_METHODS.some((method) => method.name === name)
    )
    t.notOk(
      missing.find(
        (name) =>
          !/cse|smimeInfo|sendAs\.(create|delete|verify)|forwardingAddresses\.(create|delete)|delegates\.(create|delete|get)|updateAutoForwarding/.test(
            name
          )
      ),
      'only what needs a service account is left out'
    )
  }
)

t.test('every answer holds only fields that Google describes', { skip }, async (t) => {
  const { methods, schemas } = describe()
  const sandbox = await startSandbox()
  t.teardown(() => sandbox.close())
  const email = sandbox.users[0]?.email ?? ''
  const scopes = [
    'https://mail.google.com/',
    'https://www.googleapis.com/auth/gmail.settings.basic'
  ]
  const call = gmailOf(sandbox, email, scopes)
  const seen = new Set<string>()

  const make = async (
    name: string,
    ids: Record<string, string> = {},
    query = '',
    body?: object
  ) => {
    const method = GMAIL_METHODS.find((other) => other.name === name) as GmailMethod
    const path = method.path.replace(/:(\w+)/g, (_, key: string) =>
      encodeURIComponent(ids[key] ?? '')
    )
    const answer = await call(`${method.verb} ${path}${query}`, body)
    const wanted = methods.get(name)?.response
    t.equal(answer.status, wanted ? 200 : 204, `${name} answers`)
    if (wanted) {
      const problem = mismatch(answer.body, { $ref: wanted.$ref }, schemas)
      t.equal(problem, undefined, `${name} answers with a ${wanted.$ref}`)
    }
    seen.add(name)
    return answer.body
  }

  const { historyId } = await make('getProfile')
  const all: { id: string; threadId: string }[] = []
  for (let pageToken = ''; ; ) {
    const query = `?maxResults=50&includeSpamTrash=true${pageToken && `&pageToken=${pageToken}`}`
    const page = await make('messages.list', {}, query)
    all.push(...page.messages)
    if (!page.nextPageToken) break
    pageToken = page.nextPageToken
  }
  t.ok(all.length >= 60, 'a seeded mailbox holds at least 60 messages')
  for (const { id } of all)
    for (const format of ['full', 'metadata', 'minimal', 'raw']) {
      await make('messages.get', { id }, `?format=${format}`)
    }
  const [first] = (await make('messages.list', {}, '?q=filename:chart.png')).messages
  const { payload } = await make('messages.get', { id: first.id })
  const { attachmentId } = payload.parts[1].body
  await make('messages.attachments.get', { messageId: first.id, id: attachmentId })
  const raw = rawMail(`To: ${email}`, 'Subject: contract', '', 'text')
  const sent = await make('messages.send', {}, '', { raw })
  await make('messages.insert', {}, '', { raw, labelIds: ['INBOX'] })
  const imported = await make('messages.import', {}, '', { raw })
  await make('messages.modify', { id: sent.id }, '', { addLabelIds: ['STARRED'] })
  await make('messages.batchModify', {}, '', { ids: [sent.id], removeLabelIds: ['STARRED'] })
  await make('messages.trash', { id: sent.id })
  await make('messages.untrash', { id: sent.id })
  await make('threads.list', {}, '?q=lighthouse')
  await make('threads.get', { id: sent.threadId })
  await make('threads.modify', { id: sent.threadId }, '', { addLabelIds: ['IMPORTANT'] })
  await make('threads.trash', { id: sent.threadId })
  await make('threads.untrash', { id: sent.threadId })
  await make('history.list', {}, `?startHistoryId=${historyId}`)
  await make('messages.delete', { id: imported.id })
  await make('messages.batchDelete', {}, '', { ids: [imported.id] })
  await make('threads.delete', { id: sent.threadId })
  const draft = await make('drafts.create', {}, '', { message: { raw } })
  await make('drafts.list')
  await make('drafts.get', { id: draft.id })
  await make('drafts.update', { id: draft.id }, '', { message: { raw } })
  await make('drafts.send', {}, '', { id: draft.id })
  await make('drafts.delete', {
    id: (await make('drafts.create', {}, '', { message: { raw } })).id
  })
  await make('labels.list')
  const label = await make('labels.create', {}, '', {
    name: 'Contract',
    color: { textColor: '#000000', backgroundColor: '#ffffff' }
  })
  await make('labels.get', { id: label.id })
  await make('labels.update', { id: label.id }, '', { name: 'Contract 2' })
  await make('labels.patch', { id: label.id }, '', { labelListVisibility: 'labelHide' })
  await make('labels.delete', { id: label.id })
  await make('settings.filters.list')
  const filter = await make('settings.filters.create', {}, '', {
    criteria: { from: 'x@y.example' },
    action: { addLabelIds: ['STARRED'] }
  })
  await make('settings.filters.get', { id: filter.id })
  await make('settings.filters.delete', { id: filter.id })
  for (const name of ['getVacation', 'getImap', 'getPop', 'getLanguage', 'getAutoForwarding']) {
    await make(`settings.${name}`)
  }
  await make('settings.updateVacation', {}, '', {
    enableAutoReply: true,
    responseSubject: 'Away',
    endTime: '4102444800000'
  })
  await make('settings.updateImap', {}, '', { enabled: false })
  await make('settings.updatePop', {}, '', { accessWindow: 'allMail' })
  await make('settings.updateLanguage', {}, '', { displayLanguage: 'de' })
  await make('settings.forwardingAddresses.list')
  await make('settings.delegates.list')
  await make('settings.sendAs.list')
  await make('settings.sendAs.get', { sendAsEmail: email })
  await make('settings.sendAs.patch', { sendAsEmail: email }, '', { signature: '<b>x</b>' })
  await make('settings.sendAs.update', { sendAsEmail: email }, '', { displayName: 'X' })
  await make('watch', {}, '', { topicName: 'projects/p/topics/t' })
  await make('stop')
  const untried = GMAIL_METHODS.filter(({ name }) => !seen.has(name)).map(({ name }) => name)
  t.same(untried, ['settings.forwardingAddresses.get'], 'no forwarding address can be made to get')
})
