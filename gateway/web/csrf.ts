import type { FastifyRequest } from 'fastify'
import * as z from 'zod'
import { GatewayError } from '#shared/errors.ts'
import type { SealedCookies } from './sealed-cookies.ts'

export interface FormGuard {
  readonly cookies: Pick<SealedCookies, 'isFormToken'>
  readonly publicUrl: string
  /** What the form's token was issued for. */
  readonly subject: string
}

const Form = z.object({ token: z.string() })

/**
 * Lets only forms through that our own page sent (CSRF): the Origin is ours, and the form carries the
 * token of this subject. Throws ERR_FORM.
 */
export function requireOwnForm(
  request: FastifyRequest,
  { cookies, publicUrl, subject }: FormGuard
): void {
  const { origin } = request.headers
  const form = Form.safeParse(request.body)
  const isOurs = origin === undefined || origin === publicUrl
  if (!isOurs || !form.success || !cookies.isFormToken(subject, form.data.token)) {
    throw new GatewayError('ERR_FORM', 'This form did not come from this page. Please try again.')
  }
}

/** The values of boxes with one name: a box that is ticked alone comes as a word, and none as nothing. */
export const ticked = (value: unknown): unknown =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value
