/** One line of the result: this gateway's figure, the other side's, and what the project asks for. */
export interface Row {
  readonly what: string
  readonly unit: 'ms' | 'calls/s' | 'MB' | 'bytes' | 'µs' | 'ms/s'
  readonly ours: number
  /** What it is compared with, measured in the same run. */
  readonly against?: { readonly name: string; readonly figure: number }
  /** Ours divided by the other side's, where it was taken round by round (the median); else that of the figures. */
  readonly ratio?: number
  readonly budget?: Budget
}

export type Budget =
  | { readonly kind: 'at most'; readonly limit: number }
  /** Limits of ours divided by the other side's. */
  | { readonly kind: 'ratio at most'; readonly limit: number }
  | { readonly kind: 'ratio at least'; readonly limit: number }

/** Ours divided by the other side's; undefined without another side. */
export const ratioOf = ({ ours, against, ratio }: Row): number | undefined =>
  against && (ratio ?? ours / against.figure)

/** Whether the row keeps its budget; undefined when it has none or nothing to compare with. */
export function isMet(row: Row): boolean | undefined {
  const { budget, ours } = row
  const ratio = ratioOf(row)
  if (!budget) return undefined
  if (budget.kind === 'at most') return ours <= budget.limit
  if (ratio === undefined) return undefined
  return budget.kind === 'ratio at most' ? ratio <= budget.limit : ratio >= budget.limit
}
