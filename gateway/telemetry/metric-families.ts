import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

const PREFIX = 'gmail_mcp_'

/** The label names of a family, each with every value it may have. `other` stands for all unlisted ones. */
export type Labels<L extends string> = { readonly [name in L]: readonly string[] }
type Values<L extends string> = { readonly [name in L]: string }
type Reported = Readonly<Record<string, string | undefined>>

/**
 * Makes metric families whose series all exist from the start, at 0, and never grow in number. The only place
 * that makes prom-client families.
 */
export class MetricFamilies {
  readonly #registry: Registry

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** `name` ends in `_total`. */
  counter<L extends string = never>(name: string, help: string, labels: Labels<L>) {
    const family = new Counter({ ...this.#base(name, help), labelNames: namesOf(labels) })
    for (const values of combinations(labels)) family.inc(values, 0)
    return {
      inc: (values: Values<L>, by = 1): void => family.inc(listed(labels, values), by),
      /** For labels that another process reported. */
      report: (values: Reported, by: number): void => family.inc(listed(labels, values), by)
    }
  }

  gauge<L extends string = never>(name: string, help: string, labels: Labels<L>) {
    const family = new Gauge({ ...this.#base(name, help), labelNames: namesOf(labels) })
    for (const values of combinations(labels)) family.set(values, 0)
    return {
      set: (values: Values<L>, to: number): void => family.set(listed(labels, values), to),
      inc: (values: Values<L>): void => family.inc(listed(labels, values)),
      dec: (values: Values<L>): void => family.dec(listed(labels, values))
    }
  }

  /** `buckets` in the unit that `name` ends in. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labels: Labels<L>
  ) {
    const base = { ...this.#base(name, help), buckets: [...buckets] }
    const family = new Histogram({ ...base, labelNames: namesOf(labels) })
    for (const values of combinations(labels)) family.zero(values)
    return {
      observe: (values: Values<L>, value: number): void =>
        family.observe(listed(labels, values), value),
      /** For labels that another process reported. */
      report: (values: Reported, value: number): void =>
        family.observe(listed(labels, values), value)
    }
  }

  #base(name: string, help: string) {
    return { name: `${PREFIX}${name}`, help, registers: [this.#registry] }
  }
}

const namesOf = <L extends string>(labels: Labels<L>): L[] => Object.keys(labels) as L[]

/** A value that is not on the list would make a new series: it counts as `other`. */
const listed = <L extends string>(labels: Labels<L>, values: Reported): Record<L, string> =>
  Object.fromEntries(
    namesOf(labels).map((name) => {
      const value = values[name] ?? ''
      return [name, labels[name].includes(value) ? value : 'other']
    })
  ) as Record<L, string>

function combinations<L extends string>(labels: Labels<L>): Record<L, string>[] {
  let all: Record<string, string>[] = [{}]
  for (const name of namesOf(labels)) {
    all = all.flatMap((values) => labels[name].map((value) => ({ ...values, [name]: value })))
  }
  return all as Record<L, string>[]
}
