import type { Duplex } from 'node:stream'
import type { McpServer } from '@modelcontextprotocol/server'
import type { Clock } from '#shared/clock.ts'
import { OPEN_POLICY, type ToolPolicy } from '#shared/tool-policy.ts'
import type { AccessTokens } from '../gmail/access-token-source.ts'
import { GmailClient } from '../gmail/client.ts'
import { Correspondents } from '../gmail/correspondents.ts'
import type { GmailMetrics } from '../gmail/gmail-metrics.ts'
import { LabelCache } from '../gmail/label-cache.ts'
import { MessageCache } from '../gmail/message-cache.ts'
import { type SendLedger, SendOnce } from '../gmail/send-once.ts'
import type { AskForUnits } from '../gmail/shared-quota.ts'
import { type FetchedAttachment, fetchAttachment } from '../messages/fetch-attachment.ts'
import { DocumentReader } from '../mime/documents/document-reader.ts'
import { MimeThread } from '../mime/mime-thread.ts'
import type { AskOnPage } from '../tool-kit/confirm.ts'
import type {
  AskGateway,
  FileLinks,
  SavedFiles,
  ToolReport,
  WorkerContext
} from '../tool-kit/context.ts'
import { Uploads } from '../tool-kit/uploads.ts'
import { buildServer } from './mcp-server.ts'

export interface GmailProgramOptions {
  /** The account's own address, as Google says. */
  readonly account: { readonly email: string }
  readonly googleScopes: readonly string[]
  readonly tokens: AccessTokens
  readonly gmailOrigin: string
  readonly clock: Clock
  readonly report: GmailMetrics & ToolReport
  /** The program of the thread that reads HTML. */
  readonly threadFile: string
  /** The same for documents. */
  readonly documentThreadFile: string
  readonly version: string
  /** A new random word of at least 8 characters, `[a-z0-9]` only. */
  readonly nonce: () => string
  /** From 0 to 1. */
  readonly random: () => number
  readonly links?: FileLinks
  /** Where a person's own machine keeps files. */
  readonly files?: SavedFiles | undefined
  /** Where the person can connect the account again, if there is such a page. */
  readonly accountUrl?: string
  /** Whether an application that can ask for more access is shown the tools for it; yes when missing. */
  readonly listsHigher?: boolean | undefined
  /** What tools may do; everything when missing. */
  readonly policy?: ToolPolicy | undefined
  /** Makes the connections to Gmail, where this process has no network of its own. */
  readonly dial?: () => Promise<Duplex>
  /** Authorities (PEM) that are trusted on those connections beyond Node's own. */
  readonly certificates?: readonly string[] | undefined
  /** Remembers what was sent, also when this process is gone. */
  readonly ledger: SendLedger
  /** As `GmailClientOptions` has them. */
  readonly unitsPerMinute?: number | undefined
  readonly askForUnits?: AskForUnits | undefined
  /** Where the person can be asked on a page. */
  readonly askOnPage?: AskOnPage | undefined
  /** As `WorkerContext` has it. */
  readonly unsubscribe?: WorkerContext['unsubscribe'] | undefined
  /** Where people may sign in by tools. */
  readonly signIn?: AskGateway | undefined
}

export interface GmailProgram {
  /** A new MCP server over the account's one mailbox. */
  build(): McpServer
  /** The content of an attachment. Throws a ToolError. */
  fetchAttachment(
    messageId: string,
    partId: string,
    signal: AbortSignal
  ): Promise<FetchedAttachment>
  /** Takes a file that is to be attached, and gives its SHA-256. Throws a ToolError. */
  receiveUpload(uploadId: string, chunks: AsyncIterable<Uint8Array>): Promise<string>
  /** Google's grant changed, or what tools may do: from now on other tools are listed. */
  granted(googleScopes: readonly string[], policy?: ToolPolicy): void
  /** Ends the thread. May be called more than once. */
  close(): Promise<void>
}

/** Everything that serves one account: one mailbox and one memory of sends, however many servers there are. */
export function createGmailProgram(options: GmailProgramOptions): GmailProgram {
  const { clock, account, accountUrl, links, files, nonce, signIn, askOnPage, unsubscribe } =
    options
  let scopes = options.googleScopes
  let policy = options.policy ?? OPEN_POLICY
  const gmail = new GmailClient({
    ...options,
    get userEmail() {
      return account.email
    }
  })
  const mailbox = new MessageCache(gmail)
  const mime = new MimeThread({ threadFile: options.threadFile, clock })
  const documents = new DocumentReader({ threadFile: options.documentThreadFile, clock })
  const uploads = new Uploads(clock)
  const context = {
    mailbox,
    labels: new LabelCache(mailbox, clock),
    correspondents: new Correspondents(mailbox, clock),
    sends: new SendOnce(clock, options.ledger),
    mime,
    documents,
    uploads,
    clock,
    report: options.report,
    nonce,
    grantedScopes: () => scopes,
    policy: () => policy,
    listsHigher: options.listsHigher ?? true,
    ...(links && { links }),
    ...(files && { files }),
    ...(accountUrl !== undefined && { accountUrl }),
    ...(askOnPage && { askOnPage }),
    ...(unsubscribe && { unsubscribe }),
    ...(signIn && { signIn })
  }
  return {
    build: () => buildServer(context, options.version),
    fetchAttachment: (messageId, partId, signal) =>
      fetchAttachment(context, messageId, partId, signal),
    receiveUpload: (uploadId, chunks) => uploads.receive(uploadId, chunks),
    granted(googleScopes, now = policy) {
      scopes = googleScopes
      mailbox.forget()
      policy = now
    },
    async close() {
      mailbox.forget()
      await Promise.all([mime.close(), documents.close()])
    }
  }
}
