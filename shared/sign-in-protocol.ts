/** What a worker asks the gateway for its sign-in tools, and what it is answered. Google's secrets are not in it. */
import * as z from 'zod'
import { AccessLevel } from './access-levels.ts'

/** Where a sign-in that began with a tool stands. */
export const SIGN_IN_STATUSES = [
  'none', // nobody has asked for a link in this session
  'pending', // the link waits, or the person is at Google
  'code_required', // the person has agreed, and must give the code from the page to the session that asked
  'wrong_code', // that was not the code; the right one is still good
  'authenticated', // the session is the person's
  'denied', // the person or the gateway said no, or too many codes were wrong
  'expired', // it took too long
  'wrong_account' // another account than the session's was chosen at Google
] as const

export const SignInStatus = z.enum(SIGN_IN_STATUSES)
export type SignInStatus = z.infer<typeof SignInStatus>

/** The longest that one question may wait for news. */
const SIGN_IN_WAIT_MS = 60_000

export const SignInQuestion = z.discriminatedUnion('ask', [
  /** A link for this session; an earlier one of the session dies. */
  z.object({
    ask: z.literal('begin'),
    level: AccessLevel,
    loginHint: z.string().max(320).optional()
  }),
  /** How the session's sign-in stands; with the code from the page, its end. */
  z.object({
    ask: z.literal('check'),
    requestId: z.string().max(64).optional(),
    code: z.string().max(64).optional(),
    /** Answer when something changes, or after this time. */
    waitMs: z.int().min(0).max(SIGN_IN_WAIT_MS)
  }),
  /** Signs the session in with a personal token. */
  z.object({ ask: z.literal('token'), token: z.string().max(256) }),
  /** Ends the session; with `revoke` the access of the application too, or all of it where the caller may end that. */
  z.object({ ask: z.literal('sign-out'), revoke: z.boolean() })
])
export type SignInQuestion = z.infer<typeof SignInQuestion>

/** Times are in ms since the epoch. */
export const SignInAnswer = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('link'),
    authUrl: z.string(),
    requestId: z.string(),
    expiresAt: z.number(),
    scopes: z.array(z.string())
  }),
  z.object({
    kind: z.literal('state'),
    status: SignInStatus,
    /** With `wrong_code`: how often another code may be tried. */
    triesLeft: z.int().optional(),
    email: z.string().optional(),
    level: AccessLevel.optional(),
    scopes: z.array(z.string()).optional(),
    /** Until when the session, or the request that is open, lives. */
    expiresAt: z.number().optional(),
    /** A new personal token, where the operator lets the model have it. */
    token: z.object({ text: z.string(), expiresAt: z.number() }).optional()
  }),
  z.object({
    kind: z.literal('signed-out'),
    /** What ended: this session, all that this application has, or all that the person has granted to anybody. */
    ended: z.enum(['session', 'application', 'account']),
    /** Whether Google has confirmed. */
    revoked: z.boolean()
  }),
  z.object({
    kind: z.literal('refused'),
    code: z.enum(['invalid_argument', 'not_found', 'upstream_unavailable']),
    message: z.string()
  })
])
export type SignInAnswer = z.infer<typeof SignInAnswer>
