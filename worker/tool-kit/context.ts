import type { Clock } from '#shared/clock.ts'
import type { SignInAnswer, SignInQuestion } from '#shared/sign-in-protocol.ts'
import type { ToolPolicy } from '#shared/tool-policy.ts'
import type { Fault, UnsubscribeAnswer } from '#shared/worker-protocol.ts'
import type { Correspondents } from '../gmail/correspondents.ts'
import type { LabelCache } from '../gmail/label-cache.ts'
import type { Mailbox } from '../gmail/mailbox.ts'
import type { SendOnce } from '../gmail/send-once.ts'
import type { DocumentReader } from '../mime/documents/document-reader.ts'
import type { MimeThread } from '../mime/mime-thread.ts'
import type { ToolCaller } from './access.ts'
import type { AskOnPage, Confirm } from './confirm.ts'
import type { Uploads } from './uploads.ts'

/** Asks the gateway on behalf of a session, `undefined` outside of sessions, and of the HTTP request with this name. */
export type AskGateway = (
  sessionId: string | undefined,
  question: SignInQuestion,
  request: string | undefined
) => Promise<SignInAnswer>

/** Makes one-time addresses at which the gateway hands out a file, or takes one. */
export interface FileLinks {
  create(what: {
    messageId: string
    partId: string
    filename: string
    mimeType: string
    size: number
  }): Promise<{ url: string; expiresAt: string }>
  /** For a file of so many bytes that is to come under this name. */
  createUpload(what: {
    uploadId: string
    size: number
  }): Promise<{ url: string; expiresAt: string }>
}

/** Saves files in the one directory that the person chose for it. */
export interface SavedFiles {
  /** Gives the path. An existing file is never touched: the name gets a number. Throws a ToolError. */
  save(filename: string, content: Buffer): Promise<string>
}

/** How a call came to its end: well, with a failure by whose fault it was, or given up by its client. */
export type ToolOutcome = 'ok' | Fault | 'cancelled'

/** What the tools tell about themselves, for metrics. */
export interface ToolReport {
  tool(name: string, result: ToolOutcome, seconds: number): void
  /** A message was not sent again, because it had been sent before. */
  deduplicated(): void
}

/** All that the tools of one account work with. It lives as long as the worker; servers come and go. */
export interface WorkerContext {
  readonly mailbox: Mailbox
  readonly labels: LabelCache
  readonly correspondents: Correspondents
  readonly sends: SendOnce
  readonly mime: MimeThread
  readonly documents: DocumentReader
  /** What was put here to be attached. */
  readonly uploads: Uploads
  readonly clock: Clock
  readonly report: ToolReport
  /** A new random word. */
  nonce(): string
  /** What Google grants for the account now. */
  grantedScopes(): readonly string[]
  readonly links?: FileLinks
  /** Only where the server runs on the person's own machine. */
  readonly files?: SavedFiles
  /** Where the person can connect the account again, if there is such a page. */
  readonly accountUrl?: string
  /** What the operator and the person let tools do now. */
  policy(): ToolPolicy
  /** Whether an application that can ask for more access is shown the tools for it. */
  readonly listsHigher: boolean
  /** Where the person can be asked on a page: only where there is a gateway. */
  readonly askOnPage?: AskOnPage
  /** Makes RFC 8058's request to an address; absent where nothing may reach strangers' servers. */
  readonly unsubscribe?: (url: string) => Promise<UnsubscribeAnswer>
  /** Where people may sign in by tools: the gateway's answers for those. */
  readonly signIn?: AskGateway
}

/** One call of a tool. */
export interface ToolCall {
  readonly context: WorkerContext
  /** Undefined where there is no gateway between. */
  readonly caller?: ToolCaller | undefined
  /** Asks the person; resolves when they agree. See `confirm.ts` for what it throws. */
  readonly confirm: Confirm
  /** Aborted when the client cancels. */
  readonly signal: AbortSignal
  /** Tells the client how far a long call is, if it asked to know. */
  progress(done: number, total: number): Promise<void>
}
