/** What OpenAPI says of the ops port beyond the verbs of operators. */
import * as z from 'zod'
import { jsonSchema } from './implement.ts'

export const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'Gmail MCP gateway: the operators’ port',
    description:
      'See everything, touch anything. Every change is written to the audit, with who made it, and why if X-Reason says so.'
  },
  servers: [{ url: '/', description: 'This gateway.' }],
  tags: ['People', 'Calls', 'Sessions', 'Workers', 'Gateway', 'Health'].map((name) => ({ name })),
  components: {
    securitySchemes: {
      operator: {
        type: 'http' as const,
        scheme: 'bearer',
        description: 'ADMIN_TOKEN, METRICS_TOKEN, or a token of OPERATORS_FILE.'
      }
    }
  },
  security: [{ operator: [] }]
}

const said = z.string().describe('`ok`, or what is wrong; without a token `failing`.')

/** What `/ready` answers. Who is not known to the gateway is told the checks and no more. */
export const Report = z.strictObject({
  ready: z.boolean(),
  checks: z.strictObject({ store: said, keys: said, worker: said, accepting: said }).readonly(),
  isolation: z
    .strictObject({
      mode: z.enum(['namespaces', 'uids', 'none']),
      layers: z.array(z.string()).readonly(),
      missing: z.array(z.string()).readonly()
    })
    .optional()
    .describe('With a token: what keeps workers apart.'),
  node: z.string().optional().describe('With a token: `ok`, or why another Node should be used.'),
  warnings: z
    .array(z.string())
    .readonly()
    .optional()
    .describe('With a token: what should be put right.')
})

const json = (description: string, schema: z.ZodType): object => ({
  description,
  content: { 'application/json': { schema: jsonSchema(schema, 'output') } }
})

/** The routes that load balancers and Prometheus ask. */
export const openRoutes = {
  health: {
    operationId: 'health',
    'x-command': 'health',
    tags: ['Health'],
    summary: 'The process answers',
    description: 'For whoever restarts processes that do not.',
    security: [],
    response: { 200: json('It does.', z.strictObject({ status: z.literal('ok') })) }
  },
  ready: {
    operationId: 'ready',
    'x-command': 'ready',
    tags: ['Health'],
    summary: 'Whether this gateway can serve',
    description:
      'The store answers, a worker can be started, nobody drains or stops it. With a token the answer says what is wrong.',
    security: [],
    response: { 200: json('It can.', Report), 503: json('It cannot, or should not now.', Report) }
  },
  metrics: {
    operationId: 'metrics',
    'x-command': 'metrics',
    tags: ['Health'],
    summary: 'Metrics for Prometheus',
    description: 'Takes the role `metrics`. No label grows with people.',
    response: {
      200: {
        description: 'Prometheus’ text format.',
        content: { 'text/plain': { schema: { type: 'string' } } }
      }
    }
  }
}
