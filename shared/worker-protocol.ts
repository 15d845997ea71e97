/**
 * What gateway and worker say to each other: the messages on the pair that connects them (`multiplexer/`).
 *
 *   gateway                         worker
 *      |  <------- hello ------------  |   program loaded, which protocol it speaks
 *      |  -------- init ------------>  |   what may be reached
 *      |  <------- ready ------------  |   serving; no identity yet (it may wait in the warm pool)
 *      |  -------- assign ---------->  |   from here on it serves this one account, for ever
 *      |  <------- assigned ---------  |
 *
 * Questions carry an `id` that the answer repeats. The gateway never takes a user id from a message:
 * the account is fixed when the worker is assigned.
 */
import * as z from 'zod'
import { GMAIL_METHODS } from './gmail-methods.ts'
import { SendAnswer, SendQuestion } from './send-ledger.ts'
import { SignInAnswer, SignInQuestion } from './sign-in-protocol.ts'
import { ToolPolicy } from './tool-policy.ts'

/** Raised whenever a message changes its meaning; both sides refuse another number. */
export const CHANNEL_PROTOCOL = 7

/** What a legacy client said in `initialize`: all that is needed to replay it in another process. */
export const InitializeParams = z.looseObject({
  protocolVersion: z.string().max(64),
  capabilities: z.record(z.string(), z.unknown()),
  clientInfo: z.looseObject({ name: z.string(), version: z.string() })
})
export type InitializeParams = z.infer<typeof InitializeParams>

/** Characters of all certificates that a worker is told, which must fit one message. */
export const MOST_CERTIFICATE_CHARS = 200_000

/** Of one file that is put somewhere to be sent: Gmail delivers 25 MB of it in base64, which takes 4/3. */
export const MOST_UPLOAD_BYTES = 18_000_000

const Id = z.int().nonnegative()
/** Longer names than these no worker of ours has to say. */
const Word = z.string().max(1024)
const RpcId = z.union([Word, z.number()]).nullable()
const CountName = z.enum([
  'gmail_requests',
  'gmail_units',
  'gmail_throttled',
  'gmail_retries',
  'sends_deduplicated',
  'tool_calls'
])
const ObservationName = z.enum(['gmail_seconds', 'tool_seconds'])
/** No report has more: what many people's numbers are added up of must not be spoilt by one. */
const Increment = z.number().min(0).max(10_000_000)
const Seconds = z.number().min(0).max(86_400)
const SessionIdText = z.string().max(256)
const Labels = z.record(z.string().max(64), z.string().max(256))

/** Whose fault it is that a call failed: who called, Gmail, or this service. */
export const FAULTS = ['client', 'gmail', 'server'] as const
export type Fault = (typeof FAULTS)[number]

/** More requests to Gmail than these are not told of one call. */
export const MOST_TOLD_REQUESTS = 50
/** One request to Gmail, as it went: without an answer it has no status. */
export const GmailAttempt = z.object({
  method: z.enum([...GMAIL_METHODS, 'other']),
  /** Ms from the beginning of the call, and ms that it took. */
  at: z.number().min(0).max(3_600_000),
  ms: z.number().min(0).max(3_600_000),
  status: z.int().min(100).max(599).optional(),
  /** 1 for the first request, 2 when it was made once more. */
  attempt: z.int().min(1).max(20)
})
export type GmailAttempt = z.infer<typeof GmailAttempt>

/** What became of an act that a person is to allow. One that is allowed is allowed once. */
export const ConfirmAnswer = z.discriminatedUnion('state', [
  z.object({ state: z.enum(['allowed', 'refused', 'unavailable']) }),
  z.object({ state: z.literal('asked'), url: z.string(), expiresAt: z.string() })
])
export type ConfirmAnswer = z.infer<typeof ConfirmAnswer>

/** What came of a request to leave a mailing list: an answer, none, or it was not made because too many are. */
export const UnsubscribeAnswer = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('answered'), status: z.int() }),
  z.object({ outcome: z.enum(['unreachable', 'busy']) })
])
export type UnsubscribeAnswer = z.infer<typeof UnsubscribeAnswer>

const FromWorker = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), protocol: z.int(), version: z.string().max(64) }),
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('assigned') }),
  /** Asks for a Google access token; `force` after a 401. */
  z.object({ type: z.literal('token'), id: Id, force: z.boolean() }),
  /** Asks for a link under which an attachment of this account can be fetched. */
  z.object({ type: z.literal('link'), id: Id, messageId: Word, partId: Word }),
  /** Asks for a link under which a file of so many bytes can be put, which the worker knows by this name. */
  z.object({
    type: z.literal('upload'),
    id: Id,
    uploadId: z.string().regex(/^[\w-]{1,64}$/),
    size: z.int().min(1).max(MOST_UPLOAD_BYTES)
  }),
  /** A mail is about to be sent, or was: see `send-ledger.ts`. */
  z.object({ type: z.literal('send'), id: Id, question: SendQuestion }),
  /**
   * Asks whether the account's person allows an act, which `hash` stands for (`worker/tool-kit/confirm.ts`), or has them asked on
   * the account page in these words.
   */
  z.object({
    type: z.literal('confirm'),
    id: Id,
    hash: z.string().regex(/^[\w-]{43}$/),
    words: z.array(z.string().max(2000)).max(20)
  }),
  /** Asks for RFC 8058's request to this address, which only the gateway has a network for. */
  z.object({ type: z.literal('unsubscribe'), id: Id, url: z.string().max(2000) }),
  /** Asks for a share of Google's quota: units of it, which are answered with so many, or none. */
  z.object({ type: z.literal('units'), id: Id, units: z.int().min(1).max(10_000) }),
  /** A legacy session begins; its client gets the id only after `session-stored`. */
  z.object({
    type: z.literal('session-opened'),
    id: Id,
    sessionId: SessionIdText,
    /** The OAuth client that opened it. */
    clientId: z.string().max(2048),
    initialize: InitializeParams
  }),
  /** `session-opened` came to nothing: `initialize` was not answered with success. */
  z.object({ type: z.literal('session-abandoned'), sessionId: SessionIdText }),
  z.object({ type: z.literal('restored'), id: Id, ok: z.boolean() }),
  /** A JSON-RPC request has been read out of the HTTP request `request`, whose body the gateway has not read. */
  z.object({
    type: z.literal('call'),
    request: Word,
    rpcId: RpcId,
    method: Word,
    tool: Word.optional()
  }),
  /**
   * A call that was reported has come to its end, and that is worth telling: it failed, it sent mail, Gmail refused
   * something, or its client wants a trace of it. `tool` is as in `call`.
   */
  z.object({
    type: z.literal('call-ended'),
    request: Word,
    tool: Word.optional(),
    ms: z.number().min(0).max(86_400_000),
    fault: z.enum(FAULTS).optional(),
    /** A tool's error code, or JSON-RPC's. */
    code: z
      .string()
      .regex(/^(?:[a-z_]{1,40}|-?\d{1,6})$/)
      .optional(),
    gmail: z.array(GmailAttempt).max(MOST_TOLD_REQUESTS),
    /** A message went out, to so many. */
    sentTo: z.int().min(0).max(100_000).optional()
  }),
  /** Increments of counters and observations of histograms since the last report. */
  z.object({
    type: z.literal('metrics'),
    counts: z.array(z.object({ name: CountName, labels: Labels, value: Increment })).max(2000),
    observations: z
      .array(z.object({ name: ObservationName, labels: Labels, value: Seconds }))
      .max(2000)
  }),
  z.object({
    type: z.literal('log'),
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: z.string(),
    fields: z.record(z.string(), z.unknown()).optional()
  }),
  z.object({ type: z.literal('pong'), id: Id, lagSeconds: Seconds }),
  /**
   * One of the sign-in tools was called. `session` is the hash of its session, null outside of sessions; `request` names
   * the HTTP request (`REQUEST_ID_HEADER`), by which the gateway knows who calls.
   */
  z.object({
    type: z.literal('sign-in'),
    id: Id,
    request: z.string().max(64).optional(),
    session: SessionIdText.nullable(),
    question: SignInQuestion
  })
])
export type FromWorker = z.infer<typeof FromWorker>

const ToWorker = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('init'),
    protocol: z.int(),
    /** The only origin that the worker may call, e.g. `https://gmail.googleapis.com`. */
    gmailOrigin: z.string(),
    /** Authorities beyond Node's own (PEM) that are to be trusted there: a company's, whose proxy looks into TLS. */
    certificates: z.array(z.string().max(MOST_CERTIFICATE_CHARS)).optional(),
    resourceMetadataUrl: z.string(),
    /** Google's quota units a minute for one person; absent: those of a new project. */
    unitsPerMinute: z.int().positive().optional(),
    /** Where a person can connect the account again. */
    accountUrl: z.string().optional(),
    /** Whether applications that can ask for more access are shown the tools for it; absent: they are. */
    listsHigher: z.boolean().optional()
  }),
  z.object({
    type: z.literal('assign'),
    email: z.string(),
    googleScopes: z.array(z.string()),
    /** What tools may do; absent: everything. */
    policy: ToolPolicy.optional(),
    /** Whether the tools that sign in are there as well, or nothing else; absent: they are not. */
    signIn: z.enum(['offered', 'only']).optional(),
    /**
     * Until when the worker may serve unless it hears more (ms, `machineMonotonic`): then another machine may have one
     * for this account, and the gateway may be unable to say so. Absent: for as long as its gateway lives.
     */
    until: z.number().optional()
  }),
  z.object({ type: z.literal('token'), id: Id, accessToken: z.string(), expiresAt: z.number() }),
  z.object({
    type: z.literal('token-refused'),
    id: Id,
    code: z.enum(['needs_reauth', 'upstream_unavailable'])
  }),
  z.object({ type: z.literal('linked'), id: Id, url: z.string(), expiresAt: z.string() }),
  z.object({ type: z.literal('send-answer'), id: Id, answer: SendAnswer }),
  z.object({
    type: z.literal('units-answer'),
    id: Id,
    units: z.int().nonnegative(),
    /** What the account may still have without waiting. */
    left: z.number(),
    /** It had to wait for them. */
    waited: z.boolean().optional(),
    /** When there are none. */
    retryAfterMs: z.number().optional()
  }),
  z.object({ type: z.literal('unsubscribe-answer'), id: Id, answer: UnsubscribeAnswer }),
  z.object({ type: z.literal('confirm-answer'), id: Id, answer: ConfirmAnswer }),
  z.object({ type: z.literal('sign-in-answer'), id: Id, answer: SignInAnswer }),
  z.object({ type: z.literal('session-stored'), id: Id }),
  z.object({
    type: z.literal('session-refused'),
    id: Id,
    message: z.string(),
    /** The client cannot help it: seconds after which it may try again. */
    retryAfter: z.number().optional()
  }),
  z.object({
    type: z.literal('restore'),
    id: Id,
    sessionId: z.string(),
    initialize: InitializeParams
  }),
  /** The gateway knows the hash only, see `sessionHash`. */
  z.object({ type: z.literal('end-session'), sessionHash: z.string() }),
  /** Google's grant for this account changed, or what tools may do: the tool list may have changed with it. */
  z.object({
    type: z.literal('granted'),
    googleScopes: z.array(z.string()),
    policy: ToolPolicy.optional()
  }),
  z.object({ type: z.literal('ping'), id: Id }),
  /** As in `assign`, from now on. */
  z.object({ type: z.literal('lasts'), until: z.number() }),
  /** Answer what is in flight, take nothing new, then exit with 0. */
  z.object({ type: z.literal('drain') })
])
export type ToWorker = z.infer<typeof ToWorker>

/** Throws a ZodError when the message is not one of ours. */
export const parseFromWorker = (message: unknown): FromWorker => FromWorker.parse(message)
export const parseToWorker = (message: unknown): ToWorker => ToWorker.parse(message)
