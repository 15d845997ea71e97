/**
 * What spans say of calls, by the semantic conventions for MCP and HTTP (opentelemetry.io/docs/specs/semconv). What
 * they want beyond that and is left out could name a person, a mail or a secret: ids of JSON-RPC, session ids, URLs,
 * resources, addresses of clients.
 */

import { isAnonymous } from '#shared/ids.ts'
import { TOOL_ERROR_CODES } from '#shared/tool-error-codes.ts'
import type { Fault, GmailAttempt } from '#shared/worker-protocol.ts'
import { type CallContext, knownMethod, knownTool } from './call-log.ts'
import { userHash } from './events.ts'
import { gmailUrl } from './gmail-urls.ts'
import type { Attributes, EndedSpan } from './traces.ts'

export interface TracedCall {
  /** As its client, or a worker, named them. */
  readonly method: string
  readonly tool?: string | undefined
  /** As `Clock.monotonic`. */
  readonly from: number
  readonly to: number
  /** How it failed, if it did: `error` is as in `FailedCall`. */
  readonly failure?: { readonly fault: Fault; readonly error: string } | undefined
  readonly gmail: readonly GmailAttempt[]
  readonly place: Pick<CallContext, 'userId' | 'session' | 'worker'>
  /** The revision of MCP that its client names. */
  readonly revision?: string | undefined
}

/** The span of a call, with those of its requests to Gmail, which lie within it whatever a worker says. */
export function callSpan(call: TracedCall): EndedSpan {
  const { from, to, failure, revision = '' } = call
  const method = knownMethod(call.method)
  const tool = call.tool === undefined ? undefined : knownTool(call.tool)
  const at = (ms: number): number => Math.min(to, from + ms)
  return {
    name: tool === undefined ? method : `${method} ${tool}`,
    kind: 'server',
    attributes: {
      'mcp.method.name': method,
      ...(tool !== undefined && {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': tool
      }),
      ...(REVISION.test(revision) && { 'mcp.protocol.version': revision }),
      ...placeAttributes(call.place),
      'network.transport': 'tcp',
      ...(failure && failureAttributes(failure))
    },
    error: failure && errorType(failure.error),
    from,
    to,
    parts: call.gmail.map((attempt) => gmailSpan(attempt, at))
  }
}

/** Who and where, in our own words for them: the hash that the log has, and handles. */
export const placeAttributes = ({ userId, session, worker }: TracedCall['place']): Attributes => ({
  ...(userId !== undefined && !isAnonymous(userId) && { 'enduser.pseudo.id': userHash(userId) }),
  ...(session !== undefined && { 'mcp.session.id': session }),
  ...(worker !== undefined && { 'gmail_mcp.worker': worker })
})

const REVISION = /^20\d\d-\d\d-\d\d$/
const RPC_CODE = /^-?\d{4,6}$/
const TOOLS_OWN: ReadonlySet<string> = new Set([...TOOL_ERROR_CODES, 'failed'])

/** A result that says that it is an error is `tool_error`, whatever it says besides. */
const errorType = (error: string): string => (isOfTool(error) ? 'tool_error' : error)

const isOfTool = (error: string): boolean => /^[a-z_]+$/.test(error) && error !== 'client_left'

const failureAttributes = ({ fault, error }: NonNullable<TracedCall['failure']>): Attributes => ({
  'gmail_mcp.fault': fault,
  ...(RPC_CODE.test(error) && { 'rpc.response.status_code': error }),
  ...(isOfTool(error) && { 'gmail_mcp.tool.error': TOOLS_OWN.has(error) ? error : 'other' })
})

function gmailSpan(
  { method, at: began, ms, status, attempt }: GmailAttempt,
  at: (ms: number) => number
): EndedSpan {
  const url = gmailUrl(method)
  const isBad = status === undefined || status >= 400
  return {
    name: url ? `${url.verb} ${url.template}` : 'HTTP',
    kind: 'client',
    attributes: {
      'http.request.method': url?.verb ?? '_OTHER',
      ...(url && { 'url.template': url.template }),
      ...(status !== undefined && { 'http.response.status_code': status }),
      ...(attempt > 1 && { 'http.request.resend_count': attempt - 1 })
    },
    error: isBad ? String(status ?? '_OTHER') : undefined,
    from: at(began),
    to: at(began + ms),
    parts: []
  }
}
