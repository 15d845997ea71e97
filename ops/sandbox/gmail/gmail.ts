import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import type { Faults } from '../faults.ts'
import { GoogleError } from '../google-error.ts'
import { injectFaults } from '../inject-faults.ts'
import type { Delivery } from '../mailbox/delivery.ts'
import type { Mailbox } from '../mailbox/mailbox.ts'
import type { AccessToken, Grants } from '../sign-in/grants.ts'
import { answerError } from './answer-error.ts'
import { authenticate, checkScope } from './authenticate.ts'
import { bodyOf, type RequestBody, readJsonBody } from './body.ts'
import { checkInput, checkQuery, readSystemQuery } from './check-input.ts'
import { selectFields } from './fields.ts'
import type { Showing } from './message-resource.ts'
import type { GmailMethod } from './method.ts'
import { GMAIL_METHODS } from './methods.ts'
import type { ParallelCalls } from './parallel-calls.ts'
import type { Quota } from './quota.ts'
import { serveUploads } from './uploads.ts'

export interface GmailOptions {
  readonly grants: Grants
  readonly quota: Quota
  readonly parallel: ParallelCalls
  readonly faults: Faults
  readonly postOffice: Delivery
  readonly showing: Showing
  readonly clock: Clock
  mailboxOf(sub: string): Mailbox | undefined
  /** Told of errors that are no refusal: mistakes of the sandbox. */
  onFailure(error: unknown): void
}

/** Base64 and JSON around the largest message. */
const bodyLimit = ({ maxUpload = 1_000_000 }: GmailMethod) => Math.ceil(maxUpload * 1.4) + 100_000

/** The Gmail REST API, version 1. */
export function gmail(app: FastifyInstance, options: GmailOptions): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, _request, reply) => answerError(error, reply, options.onFailure))
  for (const method of GMAIL_METHODS) {
    app.route({
      method: method.verb,
      url: `/gmail/v1/users/:userId/${method.path}`,
      bodyLimit: bodyLimit(method),
      exposeHeadRoute: false,
      config: { operation: method.name, isGmail: true },
      handler(request, reply) {
        const body = readJsonBody(bodyOf(request), request.headers['content-type'])
        return answer(method, options, request, reply, body)
      }
    })
  }
  serveUploads(app, (method, request, reply, body) => answer(method, options, request, reply, body))
  app.addHook('preHandler', async (request, reply) => {
    const { access, mailbox } = authenticate(request, options)
    request.user = mailbox.owner.email
    request.gmail = { access, mailbox }
    reply.raw.once('close', options.parallel.enter(mailbox.owner.email))
  })
  injectFaults(app, options.faults, options.clock)
}

async function answer(
  method: GmailMethod,
  { quota, clock, postOffice, showing }: GmailOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  { json, media }: RequestBody
): Promise<FastifyReply> {
  const caller = request.gmail
  if (!caller) throw new GoogleError('required', 'Login Required.')
  const { access, mailbox } = caller
  checkScope(access, method.anyOf)
  const call = {
    mailbox,
    postOffice,
    showing,
    scopes: new Set(access.scopes),
    now: clock.now(),
    params: z.record(z.string(), z.string()).parse(request.params),
    query: checkQuery(method.query, request.query),
    body: method.body ? checkInput(method.body, json) : undefined,
    media
  }
  quota.spend(mailbox.owner.email, method.units, clock.now())
  const result = method.serve(call)
  if (!result) return reply.code(204).send()
  return reply.send(selectFields(result, readSystemQuery(request.query).fields))
}

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
