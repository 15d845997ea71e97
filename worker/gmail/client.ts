import type { Duplex } from 'node:stream'
import type { gmail_v1 } from '@googleapis/gmail'
import pLimit, { type LimitFunction } from 'p-limit'
import type { Clock } from '#shared/clock.ts'
import { ToolError } from '#shared/tool-error.ts'
import { noteGmailRequest } from '../process/served-request.ts'
import { AccessTokenCache } from './access-token-cache.ts'
import type { AccessTokens } from './access-token-source.ts'
import { type Failure, readFailure, toToolError, UnreadableAnswer } from './gmail-error.ts'
import type { GmailMetrics } from './gmail-metrics.ts'
import type { GmailMethod, GmailMethods, Mailbox } from './mailbox.ts'
import { QuotaBucket } from './quota-bucket.ts'
import { UNITS, UNITS_PER_MINUTE } from './quota-units.ts'
import { isOutcomeUnknown, NOT_REPEATABLE, pauseBeforeRetry } from './retry-policy.ts'
import { type AskForUnits, SharedQuota } from './shared-quota.ts'
import { sleep } from './sleep.ts'

/** Methods that answer with nothing at all. */
const SILENT: ReadonlySet<GmailMethod> = new Set([
  'messages.batchModify',
  'messages.delete',
  'messages.batchDelete',
  'drafts.delete',
  'labels.delete',
  'filters.delete'
])
/** Google answers "Too many concurrent requests for user" above this. */
const MAX_PARALLEL = 5
const TIMEOUT_MS = 30_000

export interface GmailClientOptions {
  readonly tokens: AccessTokens
  /** The only origin that is ever called. */
  readonly gmailOrigin: string
  /** Read for each message, since a local person may sign in after the start. */
  readonly userEmail: string
  readonly clock: Clock
  readonly report: GmailMetrics
  /** From 0 to 1, for jitter. */
  readonly random: () => number
  readonly unitsPerMinute?: number | undefined
  /** Deals out the quota that all accounts have together; absent: there is no other account. */
  readonly askForUnits?: AskForUnits | undefined
  /** Makes the connections to Gmail, where this process has no network of its own. */
  readonly dial?: (() => Promise<Duplex>) | undefined
  /** Authorities (PEM) that are trusted on those connections beyond Node's own. */
  readonly certificates?: readonly string[] | undefined
}

/** Gmail's REST API for one account. The API's code is loaded with the first call. */
export class GmailClient implements Mailbox {
  readonly #options: GmailClientOptions
  readonly #pace: Pick<QuotaBucket, 'left' | 'spend'>
  readonly #limit: LimitFunction = pLimit(MAX_PARALLEL)
  #api: Promise<gmail_v1.Gmail> | undefined

  constructor(options: GmailClientOptions) {
    this.#options = options
    const { unitsPerMinute = UNITS_PER_MINUTE, clock, askForUnits } = options
    this.#pace = askForUnits
      ? new SharedQuota(unitsPerMinute, clock, askForUnits)
      : new QuotaBucket(unitsPerMinute, clock)
  }

  get address(): string {
    return this.#options.userEmail
  }

  get unitsLeft(): number {
    return this.#pace.left
  }

  async call<M extends GmailMethod>(
    method: M,
    params: GmailMethods[M][0],
    signal: AbortSignal
  ): Promise<GmailMethods[M][1]> {
    const { clock, report, random } = this.#options
    for (let made = 1; ; made += 1) {
      if (await this.#pace.spend(UNITS[method], signal)) report.throttled('pace')
      try {
        return await this.#limit(() => this.#request(method, params, signal, made))
      } catch (thrown) {
        signal.throwIfAborted()
        if (thrown instanceof ToolError) throw thrown
        const failure = readFailure(thrown, clock.now())
        const pause = pauseBeforeRetry({ method, failure, made, random: random() })
        if (pause === undefined) throw asToolError(method, failure, thrown)
        if (failure.status === 429 || failure.status === 403) report.throttled('google')
        report.retried(failure.reason)
        await sleep(clock, pause, signal)
      }
    }
  }

  async #request<M extends GmailMethod>(
    method: M,
    params: GmailMethods[M][0],
    signal: AbortSignal,
    attempt: number
  ): Promise<GmailMethods[M][1]> {
    const { clock, report } = this.#options
    signal.throwIfAborted()
    this.#api ??= this.#load()
    const api = await this.#api
    const startedAt = clock.monotonic()
    const ended = (status: number | undefined) => {
      const now = clock.monotonic()
      report.request(method, String(status ?? 'network'), (now - startedAt) / 1000, UNITS[method])
      noteGmailRequest(method, { status, attempt }, startedAt, now)
    }
    try {
      const { data, status } = await REQUESTS[method](api, params, {
        signal,
        timeout: TIMEOUT_MS,
        retry: false
      })
      assertReadable(method, data)
      ended(status)
      return data
    } catch (thrown) {
      ended(readFailure(thrown, clock.now()).status)
      throw thrown
    }
  }

  async #load(): Promise<gmail_v1.Gmail> {
    const { tokens, clock, gmailOrigin, dial, certificates } = this.#options
    const { openApi } = await import('./api.ts')
    const fetching = dial && { dial, certificates }
    return openApi(new AccessTokenCache(tokens, clock), gmailOrigin, fetching)
  }
}

/** Google's client hands on what is no JSON as text, which has none of the fields and so would look like empty mail. */
function assertReadable(method: GmailMethod, data: unknown): void {
  const isObject = typeof data === 'object' && data !== null
  if (!isObject && !SILENT.has(method)) throw new UnreadableAnswer()
}

/** A request that was sent and not answered may have had its effect; that matters where another one would have it again. */
function asToolError(method: GmailMethod, failure: Failure, cause: unknown): ToolError {
  if (NOT_REPEATABLE.has(method) && isOutcomeUnknown(failure))
    return new ToolError('outcome_unknown', 'Gmail did not say whether this was done.', { cause })
  return toToolError(failure, cause)
}

type Requests = {
  [M in GmailMethod]: (
    api: gmail_v1.Gmail,
    params: GmailMethods[M][0],
    options: { signal: AbortSignal; timeout: number; retry: false }
  ) => Promise<{ data: GmailMethods[M][1]; status: number }>
}

const ME = { userId: 'me' }
const REQUESTS: Requests = {
  getProfile: (api, _, options) => api.users.getProfile(ME, options),
  'messages.list': (api, p, options) => api.users.messages.list({ ...ME, ...p }, options),
  'messages.get': (api, p, options) => api.users.messages.get({ ...ME, ...p }, options),
  'messages.send': (api, p, options) => api.users.messages.send({ ...ME, ...p }, options),
  'messages.modify': (api, p, options) => api.users.messages.modify({ ...ME, ...p }, options),
  'messages.batchModify': (api, p, options) =>
    api.users.messages.batchModify({ ...ME, ...p }, options),
  'messages.trash': (api, p, options) => api.users.messages.trash({ ...ME, ...p }, options),
  'messages.untrash': (api, p, options) => api.users.messages.untrash({ ...ME, ...p }, options),
  'messages.delete': (api, p, options) => api.users.messages.delete({ ...ME, ...p }, options),
  'messages.batchDelete': (api, p, options) =>
    api.users.messages.batchDelete({ ...ME, ...p }, options),
  'attachments.get': (api, p, options) =>
    api.users.messages.attachments.get({ ...ME, ...p }, options),
  'threads.list': (api, p, options) => api.users.threads.list({ ...ME, ...p }, options),
  'threads.get': (api, p, options) => api.users.threads.get({ ...ME, ...p }, options),
  'threads.modify': (api, p, options) => api.users.threads.modify({ ...ME, ...p }, options),
  'threads.trash': (api, p, options) => api.users.threads.trash({ ...ME, ...p }, options),
  'threads.untrash': (api, p, options) => api.users.threads.untrash({ ...ME, ...p }, options),
  'drafts.list': (api, p, options) => api.users.drafts.list({ ...ME, ...p }, options),
  'drafts.get': (api, p, options) => api.users.drafts.get({ ...ME, ...p }, options),
  'drafts.create': (api, p, options) => api.users.drafts.create({ ...ME, ...p }, options),
  'drafts.update': (api, p, options) => api.users.drafts.update({ ...ME, ...p }, options),
  'drafts.send': (api, p, options) => api.users.drafts.send({ ...ME, ...p }, options),
  'drafts.delete': (api, p, options) => api.users.drafts.delete({ ...ME, ...p }, options),
  'labels.list': (api, _, options) => api.users.labels.list(ME, options),
  'labels.get': (api, p, options) => api.users.labels.get({ ...ME, ...p }, options),
  'labels.create': (api, p, options) => api.users.labels.create({ ...ME, ...p }, options),
  'labels.patch': (api, p, options) => api.users.labels.patch({ ...ME, ...p }, options),
  'labels.delete': (api, p, options) => api.users.labels.delete({ ...ME, ...p }, options),
  'filters.list': (api, _, options) => api.users.settings.filters.list(ME, options),
  'filters.get': (api, p, options) => api.users.settings.filters.get({ ...ME, ...p }, options),
  'filters.create': (api, p, options) =>
    api.users.settings.filters.create({ ...ME, ...p }, options),
  'filters.delete': (api, p, options) =>
    api.users.settings.filters.delete({ ...ME, ...p }, options),
  'forwardingAddresses.list': (api, _, options) =>
    api.users.settings.forwardingAddresses.list(ME, options),
  'sendAs.list': (api, _, options) => api.users.settings.sendAs.list(ME, options),
  'sendAs.patch': (api, p, options) => api.users.settings.sendAs.patch({ ...ME, ...p }, options),
  'history.list': (api, p, options) => api.users.history.list({ ...ME, ...p }, options),
  'settings.getVacation': (api, _, options) => api.users.settings.getVacation(ME, options),
  'settings.updateVacation': (api, p, options) =>
    api.users.settings.updateVacation({ ...ME, ...p }, options),
  'settings.getImap': (api, _, options) => api.users.settings.getImap(ME, options),
  'settings.updateImap': (api, p, options) =>
    api.users.settings.updateImap({ ...ME, ...p }, options),
  'settings.getPop': (api, _, options) => api.users.settings.getPop(ME, options),
  'settings.updatePop': (api, p, options) => api.users.settings.updatePop({ ...ME, ...p }, options),
  'settings.getLanguage': (api, _, options) => api.users.settings.getLanguage(ME, options),
  'settings.updateLanguage': (api, p, options) =>
    api.users.settings.updateLanguage({ ...ME, ...p }, options),
  'settings.getAutoForwarding': (api, _, options) =>
    api.users.settings.getAutoForwarding(ME, options),
  'delegates.list': (api, _, options) => api.users.settings.delegates.list(ME, options)
}
