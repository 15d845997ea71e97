import { randomBytes } from 'node:crypto'
import { systemClock } from '#shared/clock.ts'
import { VERSION } from '#shared/version.ts'
import { ChannelTokens } from './channel/access-tokens.ts'
import { askAttachmentLinks } from './channel/ask-attachment-link.ts'
import { askConfirm } from './channel/ask-confirm.ts'
import { askQuotaUnits } from './channel/ask-quota-units.ts'
import { askSendLedger } from './channel/ask-send-ledger.ts'
import { askSignIn } from './channel/ask-sign-in.ts'
import { askUnsubscribe } from './channel/ask-unsubscribe.ts'
import { MetricDeltas } from './channel/metric-deltas.ts'
import type { GmailMetrics } from './gmail/gmail-metrics.ts'
import { threadFiles } from './mime/thread-files.ts'
import type { CreateProgram } from './runtime.ts'
import { createAnonymousProgram } from './server/anonymous-program.ts'
import { createGmailProgram } from './server/gmail-program.ts'
import type { ToolReport } from './tool-kit/context.ts'

/** The tools of one account, with all that they need of the gateway taken from the channel. */
export const createWorkerProgram: CreateProgram = ({ init, assign, channel, dial }) => {
  const tally = new MetricDeltas(systemClock, (report) => channel.tell(report))
  const report = reportTo(tally)
  const clock = systemClock
  if (assign.signIn === 'only') {
    const program = createAnonymousProgram(
      { clock, report, ask: askSignIn(channel) },
      VERSION,
      assign.policy
    )
    return { ...program, close: async () => tally.flush() }
  }
  const program = createGmailProgram({
    account: { email: assign.email },
    googleScopes: assign.googleScopes,
    policy: assign.policy,
    gmailOrigin: init.gmailOrigin,
    dial,
    certificates: init.certificates,
    tokens: new ChannelTokens(channel, clock.now),
    clock,
    report,
    ...threadFiles(),
    version: VERSION,
    nonce: () => randomBytes(6).toString('hex'),
    random: Math.random,
    links: askAttachmentLinks(channel),
    askOnPage: askConfirm(channel),
    unsubscribe: askUnsubscribe(channel),
    askForUnits: askQuotaUnits(channel),
    unitsPerMinute: init.unitsPerMinute,
    ledger: askSendLedger(channel),
    ...(init.accountUrl !== undefined && { accountUrl: init.accountUrl }),
    listsHigher: init.listsHigher,
    signIn: assign.signIn && askSignIn(channel)
  })
  return {
    ...program,
    async close() {
      await program.close()
      tally.flush()
    }
  }
}

const reportTo = (tally: MetricDeltas): GmailMetrics & ToolReport => ({
  request(method, code, seconds, units) {
    tally.count('gmail_requests', { method, code: codeClass(code) })
    tally.count('gmail_units', { method }, units)
    tally.observe('gmail_seconds', { method }, seconds)
  },
  throttled: (scope) => tally.count('gmail_throttled', { scope }),
  retried: (reason) => tally.count('gmail_retries', { reason: retryClass(reason) }),
  tool(tool, result, seconds) {
    tally.count('tool_calls', { tool, result })
    tally.observe('tool_seconds', { tool }, seconds)
  },
  deduplicated: () => tally.count('sends_deduplicated', {})
})

const codeClass = (code: string): string =>
  /^\d{3}$/.test(code) && code !== '429' ? `${code.slice(0, 1)}xx` : code

/** The reasons that a dashboard tells apart: HTTP status, Google's rate limits, the network. */
function retryClass(reason: string): string {
  if (/^5\d\d$/.test(reason)) return '5xx'
  if (/ratelimit/i.test(reason)) return 'rate'
  return /^E[A-Z]+$/.test(reason) ? 'network' : reason
}
