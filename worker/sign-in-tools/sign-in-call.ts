import type { SignInAnswer, SignInQuestion } from '#shared/sign-in-protocol.ts'
import { ToolError } from '#shared/tool-error.ts'

/** One call of a sign-in tool. */
export interface SignInCall {
  readonly ask: (question: SignInQuestion) => Promise<SignInAnswer>
  /** Aborted when the client cancels. */
  readonly signal: AbortSignal
  /** Whether the client shows what `progress` says. */
  readonly hearsProgress: boolean
  /** Says how far it is, out of `total`, and what the person should do. */
  progress(done: number, total: number, message: string): Promise<void>
  /** Shows a link through the client (URL elicitation); undefined where that is not possible. */
  readonly offerLink: ((url: string, id: string, message: string) => Promise<boolean>) | undefined
}

type Kind = SignInAnswer['kind']

/** The gateway's answer of the kind that was expected. Throws what it refused with. */
export function expect<K extends Exclude<Kind, 'refused'>>(
  answer: SignInAnswer,
  kind: K
): Extract<SignInAnswer, { kind: K }> {
  if (isOf(answer, kind)) return answer
  if (answer.kind === 'refused') throw new ToolError(answer.code, answer.message)
  throw new Error(`the gateway answered with ${answer.kind} instead of ${kind}`)
}

const isOf = <K extends Kind>(
  answer: SignInAnswer,
  kind: K
): answer is Extract<SignInAnswer, { kind: K }> => answer.kind === kind
