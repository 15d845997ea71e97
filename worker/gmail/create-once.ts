import type { Clock } from '#shared/clock.ts'
import { ToolError } from '#shared/tool-error.ts'
import { sleep } from './sleep.ts'

/** When something is looked for that may have been made, in ms after it was asked for: Gmail shows it after a moment. */
const LOOK_AT_MS = [0, 500, 2_000, 5_000]

export interface Making<T> {
  /** Asks Gmail once. Throws `outcome_unknown` when it did not say what became of that. */
  make(): Promise<T>
  /** What was made, if it is there. */
  find(): Promise<T | undefined>
  /** What the client is told when it is not found either. */
  readonly unknown: string
}

/**
 * Makes what Gmail would make twice if it were asked twice. After an ambiguous failure it is looked for, and never asked
 * for again: throws `outcome_unknown` when it is not found within 5 s.
 */
export async function createOrFind<T>(
  { make, find, unknown }: Making<T>,
  clock: Clock,
  signal: AbortSignal
): Promise<T> {
  try {
    return await make()
  } catch (error) {
    if (!isInDoubt(error)) throw error
    const found = await lookFor(find, clock, signal).catch(toolError)
    if (found !== undefined && !(found instanceof ToolError)) return found
    throw new ToolError('outcome_unknown', unknown, { cause: error })
  }
}

/**
 * Looks at 0, 0.5, 2 and 5 s; undefined when it is not there. Throws what the last look failed with: it has seen nothing, and
 * what was seen before that was too early to say that there is nothing.
 */
export async function lookFor<T>(
  find: () => Promise<T | undefined>,
  clock: Clock,
  signal: AbortSignal
): Promise<T | undefined> {
  const startedAt = clock.monotonic()
  let failure: ToolError | undefined
  for (const at of LOOK_AT_MS) {
    const wait = startedAt + at - clock.monotonic()
    if (wait > 0) await sleep(clock, wait, signal)
    try {
      const found = await find()
      if (found !== undefined) return found
      failure = undefined
    } catch (error) {
      failure = toolError(error)
    }
  }
  if (failure) throw failure
  return undefined
}

/** The failure of a tool; any other is thrown, the end of a cancelled call among them. */
export function toolError(error: unknown): ToolError {
  if (error instanceof ToolError) return error
  throw error
}

export const isInDoubt = (error: unknown): boolean =>
  error instanceof ToolError && error.code === 'outcome_unknown'
