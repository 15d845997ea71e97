import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { int } from '../tool-kit/coerce.ts'
import { ADDS } from '../tool-kit/schemas.ts'
import { defineSignInTool } from './define-sign-in-tool.ts'
import { expect, type SignInCall } from './sign-in-call.ts'
import { howTo, LINK_INPUT, newLink } from './sign-in-link.ts'
import { STATE_OUTPUT, stateAnswer } from './sign-in-state.ts'

/** How often a client hears that it still waits. */
const BEAT_SECONDS = 5

export const setupAuthentication = defineSignInTool({
  name: 'setup_authentication',
  title: 'Sign in, and wait for it',
  description:
    'Makes a one-time link as get_auth_url does, shows it through the client where the client can, and waits until the user has agreed at Google. Where the client cannot show it, it answers at once with the link. Finish with check_authentication.',
  annotations: ADDS,
  input: z.object({
    ...LINK_INPUT,
    timeoutSeconds: int(10, 300).default(120).describe('How long to wait, at most')
  }),
  output: z.object({
    ...STATE_OUTPUT,
    authUrl: z.string(),
    authRequestId: z.string()
  }),
  async run({ timeoutSeconds, ...wish }, call) {
    const { authUrl, authRequestId } = await newLink(call, wish)
    const isShown = await show(call, authUrl, authRequestId)
    const state = await wait(call, authUrl, authRequestId, isShown ? timeoutSeconds : 0)
    const { structured, text } = stateAnswer(state)
    const next = state.status === 'pending' ? ` ${howTo(authUrl)}` : ''
    return { structured: { ...structured, authUrl, authRequestId }, text: `${text}${next}` }
  }
})

/** Whether the person can see the link while the call goes on. */
async function show(call: SignInCall, url: string, id: string): Promise<boolean> {
  if (!call.offerLink) return call.hearsProgress
  const agreed = await call.offerLink(url, id, 'Sign in with Google in your browser.')
  if (!agreed) throw new ToolError('declined', 'The user did not want to open the link.')
  return true
}

/** Waits as long as nothing has come of the link; the client hears of it now and then. */
async function wait(call: SignInCall, url: string, requestId: string, seconds: number) {
  const check = async (waitSeconds: number) =>
    expect(await call.ask({ ask: 'check', requestId, waitMs: waitSeconds * 1000 }), 'state')
  let state = await check(0)
  for (let gone = 0; gone < seconds && state.status === 'pending'; gone += BEAT_SECONDS) {
    call.signal.throwIfAborted()
    await call.progress(gone, seconds, `Open ${url} to sign in.`)
    state = await check(Math.min(BEAT_SECONDS, seconds - gone))
  }
  return state
}
