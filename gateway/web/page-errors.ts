import type { FastifyReply, FastifyRequest } from 'fastify'
import { errors } from 'oidc-provider'
import { ZodError } from 'zod'
import { GatewayError } from '#shared/errors.ts'
import { type Notice, noticePage } from './notice-page.ts'
import { sendPage } from './send-page.ts'

/** Fastify's error handler for what people see in a browser: a page that says what to do. */
export function answerWithPage(
  error: Error,
  request: FastifyRequest,
  reply: FastifyReply
): FastifyReply {
  const { status, ...notice } = explain(error)
  if (status >= 500)
    request.log.warn({ err: error, requestId: request.id }, 'a sign-in page failed')
  if (error instanceof GatewayError && error.retryAfter !== undefined) {
    reply.header('retry-after', String(error.retryAfter))
  }
  return sendPage(reply, status, noticePage({ detail: `Request: ${request.id}`, ...notice }))
}

function explain(error: Error): Notice & { status: number } {
  if (error instanceof errors.SessionNotFound) {
    return {
      status: 400,
      title: 'This sign-in has expired',
      text: ['It took too long, or it began in another browser. Start again in your application.']
    }
  }
  if (error instanceof errors.OIDCProviderError && error.statusCode < 500) {
    return {
      status: error.statusCode,
      title: 'This sign-in cannot go on',
      text: ['The application’s request is not right. Start again in the application.']
    }
  }
  if (error instanceof GatewayError && error.code === 'ERR_UPSTREAM') {
    return {
      status: 503,
      title: 'Google cannot be reached',
      text: ['The sign-in at Google does not answer right now. Wait a moment and try again.']
    }
  }
  if (error instanceof GatewayError) {
    return { status: error.statusCode, title: 'This did not work', text: [error.message] }
  }
  if (error instanceof ZodError) {
    return { status: 400, title: 'This did not work', text: ['The form was not complete.'] }
  }
  const status =
    'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500
  return status === 429
    ? { status, title: 'Too many attempts', text: ['Please wait a minute and try again.'] }
    : { status, title: 'This did not work', text: ['Something went wrong here. Please try again.'] }
}
