import type { Checkout } from './checkout.ts'
import type { Child } from './child.ts'
import { type LoadPlan, LoadResult } from './load-plan.ts'
import type { Effort } from './sample-sizes.ts'

/** What every scenario works with. */
export interface Bench extends Pick<Checkout, 'place' | 'root' | 'gateway'> {
  readonly load: Child
  readonly effort: Effort
  /** Other builds, to be measured beside this one. */
  readonly others: readonly Checkout[]
  /** Whether programs of others are measured as well. */
  readonly peers: boolean
}

const PATIENCE_MS = 600_000

/** Has the load generator carry out a plan. */
export const runLoad = ({ load }: Pick<Bench, 'load'>, plan: LoadPlan): Promise<LoadResult> =>
  load.ask(plan, LoadResult, PATIENCE_MS)

/** What one side of a plan measured. */
export function sideOf(result: LoadResult, name: string): LoadResult[string] {
  const side = result[name]
  if (!side) throw new Error(`The load generator did not measure ${name}.`)
  return side
}
