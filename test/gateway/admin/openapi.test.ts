import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import * as z from 'zod'
import { COMMANDS } from '../../../ops/admin/commands.ts'
import {
  call,
  endpointOf,
  fixtureWorker,
  openSession,
  peopleOf,
  send,
  until
} from '../../helpers/mcp-http.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

const Operation = z.looseObject({
  operationId: z.string(),
  summary: z.string(),
  description: z.string(),
  'x-role': z.enum(['read', 'admin']).optional(),
  'x-command': z.string().optional(),
  parameters: z
    .array(z.looseObject({ name: z.string(), in: z.string(), description: z.string().optional() }))
    .optional(),
  responses: z.record(
    z.string(),
    z.looseObject({
      content: z.record(z.string(), z.looseObject({ schema: z.looseObject({}) })).optional()
    })
  )
})
const Document = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), Operation))
})

const settings = { WORKER_ENTRY: fixtureWorker('tools') }
const gateway = await startGateway({ settings, google: peopleOf(3) })
t.teardown(() => gateway.close())
const described = Document.parse((await gateway.admin('GET', '/admin/openapi.json')).body)
const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    method: method.toUpperCase(),
    path,
    operation
  }))
)

t.test('the description is valid OpenAPI 3.1', async (t) => {
  const result = await new Validator().validate(described)
  t.ok(result.valid, 'by the schema of the specification', { errors: result.errors })
  t.equal(described.openapi, '3.1.0')
})

t.test('every route is in it, and nothing else', async (t) => {
  const routes = gateway
    .opsRoutes()
    .filter(({ method, path }) => method !== 'HEAD' && path !== '/' && !path.startsWith('/page/'))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  t.ok(routes.length >= 29, 'they were found', { routes })
  t.same(operations.map(({ method, path }) => `${method} ${path}`).sort(), routes.sort())
})

t.test('every operation and parameter says what it is', async (t) => {
  const ids = operations.map(({ operation }) => operation.operationId)
  t.same([...new Set(ids)], ids, 'each has an id of its own')
  for (const { operation } of operations) {
    t.ok(operation.summary.length > 5 && operation.description.length > 10, operation.operationId)
    for (const { name, in: place, description } of operation.parameters ?? [])
      if (place !== 'header') t.ok(description, `${operation.operationId}: ${name}`)
  }
  const commands = operations.flatMap(({ operation }) => operation['x-command'] ?? [])
  t.same(commands.sort(), COMMANDS.map(({ command }) => command).sort(), 'npm run admin has each')
})

t.test('whoever changes something has to be an admin', async (t) => {
  for (const { method, path, operation } of operations.filter(({ path }) =>
    path.startsWith('/admin')
  ))
    t.equal(operation['x-role'], method === 'GET' ? 'read' : 'admin', `${method} ${path}`)
})

const ajv = new Ajv2020({ strict: false, formats: { 'date-time': isMoment } })

function isMoment(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text)
}

/** Asks as the description says, and compares the answer with it. */
async function ask(id: string, names: Record<string, string> = {}, query = '') {
  const found = operations.find(({ operation }) => operation.operationId === id)
  if (!found) throw new Error(`there is no ${id}`)
  const path = found.path.replaceAll(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(names[name] ?? '')
  )
  const { status, body } = await gateway.admin(found.method, `${path}${query}`)
  const schema = found.operation.responses[status]?.content?.['application/json']?.schema
  if (!schema) throw new Error(`${id} answers ${status}, which is not described`)
  const fits = ajv.compile(schema)
  return { status, body, isRight: fits(body), errors: fits.errors }
}

t.test('real answers are as described', async (t) => {
  const [ann, ben] = [endpointOf(gateway, 0), endpointOf(gateway, 1)]
  const session = await openSession(ann)
  const hanging = send(ann, { session, body: call('wait', { ms: 60_000, text: '' }) })
  const Calls = z.object({ calls: z.array(z.object({ call: z.string(), session: z.string() })) })
  const calls = async () => Calls.parse((await ask('listCalls')).body).calls
  await until(async () => (await calls()).length === 1)
  const [{ call: one = '', session: handle = '' } = {}] = await calls()
  const Workers = z.object({ workers: z.array(z.object({ id: z.string() })) })
  const [worker] = Workers.parse((await ask('listWorkers')).body).workers
  const User = z.object({ tokens: z.array(z.object({ id: z.string() })) })
  const [token] = User.parse((await ask('getUser', { id: ben.sub })).body).tokens

  const asked: [id: string, names?: Record<string, string>, query?: string][] = [
    ['health'],
    ['ready'],
    ['whoAmI'],
    ['listNodes'],
    ['describeApi'],
    ['getConfig'],
    ['listSessions'],
    ['listSessionsShort', {}, '?user=person0@example.com'],
    ['getSession', { handle }],
    ['listWorkers'],
    ['getWorker', { id: worker?.id ?? '' }],
    ['listCalls', {}, '?olderThan=0&tool=wait'],
    ['listUsers', {}, '?search=PERSON&limit=2'],
    ['getUser', { id: ann.sub }],
    ['topUsers', {}, '?by=calls'],
    ['killCalls', {}, `?call=${one}`],
    ['endSession', { handle }],
    ['endUserSessions', { id: ann.sub }],
    ['blockUser', { id: ben.sub }],
    ['unblockUser', { id: 'person1@example.com' }],
    ['revokeToken', { id: ben.sub, token: token?.id ?? '' }],
    ['stopWorker', { id: worker?.id ?? '' }, '?mode=now'],
    ['recycleWorkers'],
    ['eraseUser', { id: ben.sub }],
    ['drain'],
    ['ready'],
    ['undrain'],
    ['reload'],
    ['listAudit', {}, '?limit=3']
  ]
  for (const [id, names, query] of asked) {
    const { status, body, isRight, errors } = await ask(id, names, query)
    t.equal(status, id === 'ready' && status === 503 ? 503 : 200, id, { body })
    t.ok(isRight, id, { body, errors })
  }
  for (const id of ['getSession', 'getWorker', 'getUser', 'endSessionShort', 'revokeClient']) {
    const refused = await ask(id, { handle: 'none', id: 'nobody', client: 'none' })
    t.equal(refused.status, 404, id)
    t.ok(refused.isRight, id, { errors: refused.errors })
  }
  await (await hanging).text()
  const tried = new Set(asked.map(([id]) => id))
  const others = operations
    .map(({ operation }) => operation.operationId)
    .filter((id) => !tried.has(id))
  t.same(others.sort(), ['endSessionShort', 'metrics', 'revokeClient', 'streamEvents'])
})

// RFC 9110 §5.5: a header's value is bytes; curl and terminals send UTF-8, and the audit must keep words as they were.
t.test('a reason is kept in the words that it was given in', async (t) => {
  const send = (reason: string) =>
    fetch(`${gateway.opsUrl}/admin/undrain`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.adminToken}`, 'x-reason': reason }
    })
  const bytes = (text: string) => String.fromCharCode(...new TextEncoder().encode(text))
  for (const [sent, kept] of [
    [bytes('Größe – 東京'), 'Größe – 東京'],
    ['Gr\xf6\xdfe', 'Größe'],
    ['plain', 'plain']
  ] as const) {
    await (await send(sent)).text()
    const { body } = await gateway.admin('GET', '/admin/audit?limit=1')
    t.match(body, { entries: [{ reason: kept }] })
  }
})

t.test('a client with a long name is not out of reach', async (t) => {
  const client = `https://clients.example.com/${'x'.repeat(300)}`
  const answer = await gateway.admin(
    'DELETE',
    `/admin/users/${endpointOf(gateway, 0).sub}/clients/${encodeURIComponent(client)}`
  )
  t.match(answer, { status: 404, body: { error: { message: `There is no client ${client}.` } } })
})
