import * as z from 'zod'
import { SIGN_IN_STATUSES, type SignInAnswer, type SignInStatus } from '#shared/sign-in-protocol.ts'
import type { Answer } from '../tool-kit/define-tool.ts'

/** How a sign-in stands, as several tools tell it. */
export const STATE_OUTPUT = {
  status: z.enum(SIGN_IN_STATUSES),
  email: z.string().optional(),
  scopes: z.array(z.string()).optional().describe('What Google grants'),
  level: z.string().optional().describe('The access level of this session'),
  triesLeft: z.number().optional().describe('How many more codes may be tried'),
  sessionToken: z.string().optional().describe('A personal token; treat it as a password'),
  expiresAt: z
    .string()
    .optional()
    .describe('When the session, or the open request, ends (ISO 8601)')
}

const StateOutput = z.object(STATE_OUTPUT)

const WHAT_NOW: Record<SignInStatus, string> = {
  none: 'No sign-in is under way, and Google accepts none for this session. Call get_auth_url to begin.',
  pending: 'The user has not finished yet. Ask them to follow the link, then check again.',
  code_required:
    'The user has agreed and sees a short code on the page. Ask for it, then call check_authentication with it as code.',
  wrong_code: 'That is not the code. Ask the user to read it again.',
  authenticated: 'Signed in.',
  denied: 'The sign-in was refused or cancelled. Nothing was connected; get_auth_url begins anew.',
  expired: 'The sign-in took too long. Call get_auth_url for another link.',
  wrong_account:
    'Another account than the one of this session was chosen. Nothing was changed; get_auth_url begins anew.'
}

export function stateAnswer(
  state: Extract<SignInAnswer, { kind: 'state' }>
): Answer<z.input<typeof StateOutput>> {
  const { status, email, scopes, level, triesLeft, token } = state
  const expiresAt = token?.expiresAt ?? state.expiresAt
  const structured = {
    status,
    ...(email && { email }),
    ...(scopes && { scopes }),
    ...(level && { level }),
    ...(triesLeft !== undefined && { triesLeft }),
    ...(token && { sessionToken: token.text }),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() })
  }
  const who = email ? ` ${email}${level ? `, ${level}` : ''}.` : ''
  const tries = triesLeft === undefined ? '' : ` Tries left: ${triesLeft}.`
  const given = token ? ` Personal token: ${token.text}` : ''
  return { structured, text: `${status}: ${WHAT_NOW[status]}${who}${tries}${given}` }
}
