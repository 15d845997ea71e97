import type { CallToolResult } from '@modelcontextprotocol/server'
import type { ToolErrorCode } from '#shared/tool-error-codes.ts'
import type { Fault } from '#shared/worker-protocol.ts'
import { type CallRecord, inCall, newCall, servedRequest } from '../process/served-request.ts'
import type { ToolOutcome, WorkerContext } from '../tool-kit/context.ts'

/** Where calls of tools are counted. */
export type Measure = Pick<WorkerContext, 'clock' | 'report'>

/** What Google did, or did not do. Everything else that a tool says of a failure is for its caller to put right. */
const OF_GMAIL: ReadonlySet<string> = new Set<ToolErrorCode>([
  'outcome_unknown',
  'quota_exceeded',
  'rate_limited',
  'upstream_unavailable'
])

/** The result of a call, which is counted with the time that it took, and told of where that is worth it. */
export async function recordCall(
  name: string,
  { clock, report }: Measure,
  call: () => Promise<CallToolResult>
): Promise<CallToolResult> {
  const record = newCall(clock.monotonic())
  let outcome: ToolOutcome = 'cancelled'
  let failure: Failure | undefined
  try {
    const result = await inCall(record, call)
    failure = failureIn(result, record)
    outcome = failure?.fault ?? 'ok'
    return result
  } finally {
    const ms = Math.max(0, clock.monotonic() - record.since)
    report.tool(name, outcome, ms / 1000)
    tellOf(name, record, failure, ms)
  }
}

interface Failure {
  readonly fault: Fault
  readonly code: string
}

/** Undefined when the call went well. */
function failureIn(
  { isError, structuredContent }: CallToolResult,
  { isOurFault }: CallRecord
): Failure | undefined {
  if (!isError) return undefined
  const { code }: { readonly code?: unknown } = structuredContent ?? {}
  const known = typeof code === 'string' && /^[a-z_]{1,40}$/.test(code) ? code : 'failed'
  if (isOurFault) return { fault: 'server', code: known }
  return { fault: OF_GMAIL.has(known) ? 'gmail' : 'client', code: known }
}

function tellOf(
  tool: string,
  { gmail, sentTo }: CallRecord,
  failure: Failure | undefined,
  ms: number
): void {
  const request = servedRequest()
  if (!request) return
  const met = gmail.some(({ status = 0 }) => status < 200 || status >= 300)
  if (!failure && sentTo === undefined && !met && !request.isTraced) return
  request.tell({
    type: 'call-ended',
    request: request.exchange,
    tool,
    ms,
    gmail,
    ...failure,
    ...(sentTo !== undefined && { sentTo })
  })
}
