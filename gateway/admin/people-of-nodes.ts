/** People as several gateways see them: the database's part is the same at each, what they use is not. */
import type * as z from 'zod'
import type { listUsers, topUsers, Usage } from './verbs/users.ts'

type Page = z.output<typeof listUsers.answer>
type Consumer = z.output<typeof topUsers.answer>['users'][number]

interface Seen {
  readonly lastSeenAt: string
  readonly usage: Usage
  readonly worker: Page['users'][number]['worker']
}

/** One person with what all gateways have of them; the first one's view counts for the rest. */
export function mergedPerson<Person extends Seen>(views: readonly [Person, ...Person[]]): Person {
  const [first] = views
  const lastSeenAt =
    views
      .map((view) => view.lastSeenAt)
      .toSorted()
      .at(-1) ?? first.lastSeenAt
  const worker = views.map((view) => view.worker).find((one) => one !== null) ?? null
  return { ...first, lastSeenAt, worker, usage: total(views.map(({ usage }) => usage)) }
}

/** The same page of people. */
export function mergedPages([first, ...others]: readonly Page[]): Page {
  if (!first) throw new Error('no page')
  const users = first.users.map((user) =>
    mergedPerson([
      user,
      ...others.flatMap((page) => page.users.find(({ id }) => id === user.id) ?? [])
    ])
  )
  return { ...first, users }
}

/** Everybody who is in one of the lists, once. */
export function mergedConsumers(lists: readonly (readonly Consumer[])[]): Consumer[] {
  const byId = new Map<string, Consumer[]>()
  for (const one of lists.flat()) byId.set(one.id, [...(byId.get(one.id) ?? []), one])
  return [...byId].map(([id, all]) => ({
    id,
    email: all.find(({ email }) => email !== null)?.email ?? null,
    usage: total(all.map(({ usage }) => usage))
  }))
}

const total = (all: readonly Usage[]): Usage => {
  const sum = (of: keyof Usage): number => all.reduce((total, usage) => total + usage[of], 0)
  return {
    calls: sum('calls'),
    cpuSeconds: sum('cpuSeconds'),
    bytesIn: sum('bytesIn'),
    bytesOut: sum('bytesOut'),
    quotaUnits: sum('quotaUnits')
  }
}
