import * as z from 'zod'
import type { AccessLevel } from '#shared/access-levels.ts'
import { expect, type SignInCall } from './sign-in-call.ts'

const LEVELS = {
  read: 'gmail.read',
  draft: 'gmail.draft',
  standard: 'gmail.modify',
  settings: 'gmail.settings',
  full: 'gmail.full'
} as const satisfies Record<string, AccessLevel>

const CHOICES = ['read', 'draft', 'standard', 'settings', 'full'] as const

/** What a link may be asked for. */
export const LINK_INPUT = {
  accessLevel: z
    .enum(CHOICES)
    .default('standard')
    .describe(
      'What to ask the user for; they may choose less. Each level contains the ones before it'
    ),
  // What is an address is not told by `format` or a pattern: Gemini's function declarations know neither.
  loginHint: z
    .string()
    .max(320)
    .refine((value) => z.email().safeParse(value).success, 'Invalid email address')
    .optional()
    .describe('Address of the account to suggest at Google')
}

export interface LinkWish {
  readonly accessLevel: (typeof CHOICES)[number]
  readonly loginHint?: string | undefined
}

/** A new one-time link for this session. */
export async function newLink({ ask }: SignInCall, { accessLevel, loginHint }: LinkWish) {
  const question = {
    ask: 'begin',
    level: LEVELS[accessLevel],
    ...(loginHint && { loginHint })
  } as const
  const { authUrl, expiresAt, requestId, scopes } = expect(await ask(question), 'link')
  return {
    authUrl,
    expiresAt: new Date(expiresAt).toISOString(),
    authRequestId: requestId,
    scopes
  }
}

/** What the person has to do with the link, in the model's words to them. */
export const howTo = (authUrl: string): string =>
  `Show the user this link, unchanged: ${authUrl} It works once. After agreeing at Google the user sees a short code on the page; ask for it, then call check_authentication with it as code.`
