import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import type { Faults } from '../faults.ts'
import { GoogleError, invalid, unknownUrlPage } from '../google-error.ts'
import { injectFaults } from '../inject-faults.ts'
import type { Mailbox } from '../mailbox/mailbox.ts'
import type { PostOffice } from '../mailbox/post-office.ts'
import type { AccessToken, Grants } from '../sign-in/grants.ts'
import type { AttachmentIds } from './attachment-ids.ts'
import { authenticate, checkScope } from './authenticate.ts'
import { type RequestBody, readJsonBody, readUploadBody } from './body.ts'
import type { GmailMethod } from './method.ts'
import { GMAIL_METHODS } from './methods.ts'
import type { Quota } from './quota.ts'

export interface GmailOptions {
  readonly grants: Grants
  readonly quota: Quota
  readonly faults: Faults
  readonly postOffice: PostOffice
  readonly attachmentIds: AttachmentIds
  readonly clock: Clock
  mailboxOf(sub: string): Mailbox | undefined
  /** Told of errors that are no refusal: mistakes of the sandbox. */
  onFailure(error: unknown): void
}

/** Base64 and JSON around the largest message. */
const bodyLimit = (maxUpload: number | undefined) =>
  Math.ceil((maxUpload ?? 1_000_000) * 1.4) + 100_000

const SYSTEM_PARAMETERS = new Set([
  '$.xgafv',
  'access_token',
  'alt',
  'callback',
  'fields',
  'key',
  'oauth_token',
  'prettyPrint',
  'quotaUser',
  'uploadType',
  'upload_protocol',
  'upload_id'
])

/** The Gmail REST API, version 1. */
export function gmail(app: FastifyInstance, options: GmailOptions): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, _request, reply) => answerError(error, reply, options.onFailure))
  for (const method of GMAIL_METHODS) {
    const config = { operation: method.name, isGmail: true }
    const limit = bodyLimit(method.maxUpload)
    const serve = (request: FastifyRequest, reply: FastifyReply, body: RequestBody) =>
      answer(method, options, request, reply, body)
    app.route({
      method: method.verb,
      url: `/gmail/v1/users/:userId/${method.path}`,
      bodyLimit: limit,
      exposeHeadRoute: false,
      config,
      handler: (request, reply) =>
        serve(request, reply, readJsonBody(asBuffer(request.body), request.headers['content-type']))
    })
    if (method.maxUpload === undefined) continue
    app.route({
      method: method.verb,
      url: `/upload/gmail/v1/users/:userId/${method.path}`,
      bodyLimit: limit,
      config,
      handler: (request, reply) => {
        const { uploadType } = UploadQuery.parse(request.query)
        const type = request.headers['content-type']
        return serve(request, reply, readUploadBody(asBuffer(request.body), type, uploadType))
      }
    })
  }
  app.addHook('preHandler', async (request) => {
    const { access, mailbox } = authenticate(request, options)
    request.user = mailbox.owner.email
    request.gmail = { access, mailbox }
  })
  injectFaults(app, options.faults, options.clock)
}

const UploadQuery = z.looseObject({ uploadType: z.string().optional() })

async function answer(
  method: GmailMethod,
  { quota, clock, postOffice, attachmentIds }: GmailOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  { json, media }: RequestBody
) {
  const caller = request.gmail
  if (!caller) throw new GoogleError('required', 'Login Required.')
  checkScope(caller.access, method.anyOf)
  const { query, params } = request
  const call = {
    mailbox: caller.mailbox,
    postOffice,
    attachmentIds,
    scopes: new Set(caller.access.scopes),
    now: clock.now(),
    params: z.record(z.string(), z.string()).parse(params),
    query: readQuery(method, query),
    body: method.body ? check(method.body, json) : undefined,
    media
  }
  quota.spend(caller.mailbox.owner.email, method.units, clock.now())
  const result = method.serve(call)
  if (result) return reply.send(result)
  return reply.code(204).send()
}

function readQuery({ query }: GmailMethod, given: unknown): unknown {
  const own = Object.entries(z.record(z.string(), z.unknown()).parse(given)).filter(
    ([name]) => !SYSTEM_PARAMETERS.has(name)
  )
  return check(query ?? z.strictObject({}), Object.fromEntries(own))
}

/** Zod's verdict in Google's words. */
function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  if (issue?.code === 'unrecognized_keys') {
    throw new GoogleError(
      'invalid',
      `Invalid JSON payload received. Unknown name "${issue.keys[0] ?? ''}": Cannot find field.`
    )
  }
  throw invalid(`Invalid value at '${issue?.path.join('.') ?? ''}': ${issue?.message ?? ''}`)
}

function answerError(error: unknown, reply: FastifyReply, onFailure: (error: unknown) => void) {
  if (error instanceof GoogleError) {
    return reply.code(error.statusCode).headers(error.headers).send(error.toJSON())
  }
  const { statusCode = 500 } = z
    .looseObject({ statusCode: z.int().optional() })
    .catch({})
    .parse(error)
  if (statusCode === 413) {
    const tooLarge = new GoogleError('uploadTooLarge', 'Request Entity Too Large')
    return reply.code(413).send(tooLarge.toJSON())
  }
  if (statusCode < 500)
    return reply.code(statusCode).type('text/html').send(unknownUrlPage(statusCode))
  onFailure(error)
  return reply
    .code(500)
    .send(new GoogleError('internalError', 'Internal error encountered.').toJSON())
}

const asBuffer = (body: unknown) => (Buffer.isBuffer(body) ? body : undefined)

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls Gmail; set once the token is accepted. */
    gmail?: { readonly access: AccessToken; readonly mailbox: Mailbox }
    /** The account's address, for the request log. */
    user?: string
  }
  interface FastifyContextConfig {
    /** The name for logs and faults, such as `messages.get` or `token`. */
    operation?: string
    isGmail?: boolean
  }
}
