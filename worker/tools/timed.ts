import type { CallToolResult } from '@modelcontextprotocol/server'
import type { WorkerContext } from './context.ts'

/** Where calls of tools are counted. */
export type Measure = Pick<WorkerContext, 'clock' | 'report'>

/** The result of a call, which is counted with the time that it took. */
export async function timed(
  name: string,
  { clock, report }: Measure,
  call: Promise<CallToolResult>
): Promise<CallToolResult> {
  const startedAt = clock.monotonic()
  const ended = (result: 'ok' | 'error') =>
    report.tool(name, result, (clock.monotonic() - startedAt) / 1000)
  try {
    const result = await call
    ended(result.isError ? 'error' : 'ok')
    return result
  } catch (aborted) {
    ended('error')
    throw aborted
  }
}
