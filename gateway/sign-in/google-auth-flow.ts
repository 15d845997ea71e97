import { timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { AccessLevel, googleScopesFor } from '#shared/access-levels.ts'
import type { FlowSecrets, Google } from '../accounts/google-oidc.ts'
import type { SealedCookies } from '../web/sealed-cookies.ts'

/** The one redirect address that is registered at Google. */
export const GOOGLE_CALLBACK_PATH = '/oauth2callback'

/** Why the browser was sent to Google. */
const Errand = z.discriminatedUnion('for', [
  /** A client waits for a code; `uid` names its authorization request. */
  z.object({
    for: z.literal('client'),
    uid: z.string(),
    level: AccessLevel,
    consentForced: z.boolean()
  }),
  /**
   * The person opens the account page; with a level they also let us use their mail, with a token they prove once more
   * who they are before they make it. With `addedTo` they come back as another account of theirs, whose mailbox that one may
   * use from then on.
   */
  z.object({
    for: z.literal('account'),
    level: AccessLevel.optional(),
    token: z.object({ name: z.string(), level: AccessLevel, hours: z.number() }).optional(),
    addedTo: z.string().optional(),
    consentForced: z.boolean()
  }),
  /** A sign-in tool gave out a link; `request` names what was asked for. */
  z.object({
    for: z.literal('tool'),
    request: z.string(),
    level: AccessLevel,
    consentForced: z.boolean()
  })
])
type Errand = z.infer<typeof Errand>
export type ClientPurpose = Extract<Errand, { for: 'client' }>
export type ToolPurpose = Extract<Errand, { for: 'tool' }>
export type AccountPurpose = Extract<Errand, { for: 'account' }>

const VisitCookie = z.object({
  visit: z.object({ state: z.string(), nonce: z.string(), verifier: z.string() }),
  errand: Errand
})

interface FinishedVisit {
  readonly visit: FlowSecrets
  readonly errand: Errand
}

/** Round trips of a browser to Google. All that must be remembered travels in the browser's own cookie. */
export interface GoogleAuthFlow {
  /** Sends the browser to Google. Rejects with ERR_UPSTREAM while Google is away. */
  begin(reply: FastifyReply, errand: Errand, loginHint?: string): Promise<FastifyReply>
  /**
   * The visit that this callback ends: it began in this very browser, at most ten minutes ago, and was
   * not taken before. Undefined otherwise (an attacker's link, CVE-2026-27124; login CSRF).
   */
  take(request: FastifyRequest, reply: FastifyReply): Promise<FinishedVisit | undefined>
}

export interface GoogleAuthFlowParts {
  readonly google: Google
  readonly cookies: SealedCookies
  readonly publicUrl: string
}

const LIFE_SECONDS = 600
const NAME_LETTERS = 8

export function createGoogleAuthFlow({
  google,
  cookies,
  publicUrl
}: GoogleAuthFlowParts): GoogleAuthFlow {
  // A name for each visit, so that two clients may sign in at the same time in one browser.
  const cookieName = (state: string) => cookies.name(`google-${state.slice(0, NAME_LETTERS)}`)

  return {
    async begin(reply, errand, loginHint) {
      const { url, visit } = await google.beginVisit({
        redirectUri: `${publicUrl}${GOOGLE_CALLBACK_PATH}`,
        scopes: errand.level === undefined ? [] : googleScopesFor(errand.level),
        forceConsent: errand.consentForced,
        askWho: errand.for === 'account' && errand.token !== undefined,
        loginHint
      })
      const sealed = await cookies.seal('google-visit', { visit, errand }, LIFE_SECONDS)
      reply.setCookie(cookieName(visit.state), sealed, {
        ...cookies.attributes,
        maxAge: LIFE_SECONDS
      })
      return reply.redirect(url, 303)
    },

    async take(request, reply) {
      const state = new URL(request.url, publicUrl).searchParams.get('state') ?? ''
      if (!/^[\w-]{20,200}$/.test(state)) return undefined
      const name = cookieName(state)
      const sealed = request.cookies[name]
      if (sealed === undefined) return undefined
      reply.clearCookie(name, cookies.attributes)
      const opened = VisitCookie.safeParse(await cookies.open('google-visit', sealed))
      return opened.success && isEqual(opened.data.visit.state, state) ? opened.data : undefined
    }
  }
}

const isEqual = (a: string, b: string) =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
