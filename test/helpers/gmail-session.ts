import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { InMemoryTransport } from '@modelcontextprotocol/server'
import type { Test } from 'tap'
import { type AccessLevel, googleScopesFor } from '#shared/access-levels.ts'
import { type Clock, systemClock } from '#shared/clock.ts'
import type { ToolPolicy } from '#shared/tool-policy.ts'
import { type Sandbox, startSandbox } from '../../ops/sandbox/sandbox.ts'
import { memorySendLedger } from '../../worker/gmail/memory-send-ledger.ts'
import type { SendLedger } from '../../worker/gmail/send-once.ts'
import {
  createGmailProgram,
  type GmailProgram,
  type GmailProgramOptions
} from '../../worker/server/gmail-program.ts'
import type { FileLinks, SavedFiles } from '../../worker/tool-kit/context.ts'

const threadFile = fileURLToPath(new URL('../../worker/mime/html-tasks.ts', import.meta.url))
const documentThreadFile = fileURLToPath(
  new URL('../../worker/mime/documents/document-tasks.ts', import.meta.url)
)

export interface ToolResult {
  readonly text: string
  /** `structuredContent`; a failure's is what a ToolError has. */
  readonly data: Record<string, unknown>
  readonly isError: boolean
  readonly content: readonly unknown[]
}

/** A client of one account's tools, without gateway and processes. */
export interface ToolSession {
  readonly email: string
  readonly program: GmailProgram
  readonly client: Client
  readonly reported: string[]
  call(name: string, args?: Record<string, unknown>, signal?: AbortSignal): Promise<ToolResult>
}

/** One of an account of the sandbox. */
export interface GmailSession extends ToolSession {
  readonly sandbox: Sandbox
}

/** Where an account's Gmail is, and how it is opened. */
export interface GmailPlace {
  readonly email: string
  readonly gmailOrigin: string
  readonly tokens: GmailProgramOptions['tokens']
  readonly scopes: readonly string[]
  readonly clock?: Clock
  readonly links?: FileLinks
  readonly files?: SavedFiles
  readonly accountUrl?: string | undefined
  readonly listsHigher?: boolean | undefined
  readonly policy?: ToolPolicy | undefined
  readonly askOnPage?: GmailProgramOptions['askOnPage']
  readonly unsubscribe?: GmailProgramOptions['unsubscribe']
  readonly ledger?: SendLedger | undefined
}

export interface GmailSessionOptions
  extends Pick<
    GmailPlace,
    'accountUrl' | 'listsHigher' | 'ledger' | 'policy' | 'askOnPage' | 'unsubscribe'
  > {
  readonly level?: AccessLevel
  readonly sandbox?: Sandbox
  readonly email?: string
  readonly clock?: Clock
  readonly empty?: boolean
  readonly links?: FileLinks
  readonly files?: SavedFiles
}

/** Opens a session; the test closes it, and the sandbox when it was started here. */
export async function openGmailSession(
  t: Test,
  options: GmailSessionOptions = {}
): Promise<GmailSession> {
  const { level = 'gmail.full', clock } = options
  const sandbox = options.sandbox ?? (await sandboxFor(t, options.empty ?? true))
  const email = options.email ?? sandbox.users[0]?.email ?? ''
  const scopes = googleScopesFor(level)
  const session = await openToolSession(t, {
    email,
    gmailOrigin: sandbox.url,
    tokens: { get: async () => sandbox.issueGrant(email, scopes) },
    scopes,
    accountUrl: options.accountUrl,
    listsHigher: options.listsHigher,
    policy: options.policy,
    askOnPage: options.askOnPage,
    unsubscribe: options.unsubscribe,
    ledger: options.ledger,
    ...(clock && { clock }),
    ...(options.links && { links: options.links }),
    ...(options.files && { files: options.files })
  })
  return { ...session, sandbox }
}

/** Opens a session with any Gmail; the test closes it. */
export async function openToolSession(t: Test, place: GmailPlace): Promise<ToolSession> {
  const { email, gmailOrigin, tokens, scopes, clock = systemClock, links, files } = place
  const { accountUrl, listsHigher } = place
  const reported: string[] = []
  const program = createGmailProgram({
    account: { email },
    googleScopes: scopes,
    tokens,
    gmailOrigin,
    clock,
    report: {
      request: (method, code) => reported.push(`${method} ${code}`),
      throttled: (scope) => reported.push(`throttled ${scope}`),
      retried: (reason) => reported.push(`retried ${reason}`),
      tool() {},
      deduplicated() {}
    },
    threadFile,
    documentThreadFile,
    version: '0.0.0-test',
    nonce: () => randomBytes(8).toString('hex'),
    random: () => 0,
    ledger: place.ledger ?? memorySendLedger(clock),
    ...(links && { links }),
    ...(files && { files }),
    listsHigher,
    policy: place.policy,
    askOnPage: place.askOnPage,
    unsubscribe: place.unsubscribe,
    ...(accountUrl !== undefined && { accountUrl })
  })
  t.teardown(() => program.close())
  const [here, there] = InMemoryTransport.createLinkedPair()
  await program.build().connect(there)
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(here)
  t.teardown(() => client.close())
  await client.listTools()
  return {
    email,
    program,
    client,
    reported,
    async call(name, args = {}, signal) {
      const result = await client.callTool({ name, arguments: args }, { ...(signal && { signal }) })
      const [first] = result.content
      return {
        text: first?.type === 'text' ? first.text : '',
        data: { ...Object(result.structuredContent) },
        isError: result.isError === true,
        content: result.content
      }
    }
  }
}

async function sandboxFor(t: Test, empty: boolean): Promise<Sandbox> {
  const sandbox = await startSandbox({
    users: [
      { email: 'ann@acme.test', name: 'Ann Müller', empty },
      { email: 'bob@acme.test', name: 'Bob', empty: true }
    ]
  })
  t.teardown(() => sandbox.close())
  return sandbox
}
