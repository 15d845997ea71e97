import { invalid } from '../google-error.ts'

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextPageToken: string | undefined
}

/**
 * One page of a list. The token names the first item of the next page by `idOf`, so that mail which arrives
 * meanwhile neither repeats nor hides anything; when that item has gone, its old place counts.
 */
export function pageOf<T>(
  all: readonly T[],
  size: number,
  pageToken: string | undefined,
  idOf: (item: T) => string
): Page<T> {
  const start = pageToken === undefined ? 0 : findStart(all, pageToken, idOf)
  const next = all[start + size]
  return {
    items: all.slice(start, start + size),
    nextPageToken: next === undefined ? undefined : writeToken(start + size, idOf(next))
  }
}

/** The answer of a list that tells how much there is: Gmail leaves out what is empty. */
export function listAnswer<T>(
  found: readonly T[],
  query: { readonly maxResults: number; readonly pageToken?: string | undefined },
  idOf: (item: T) => string,
  show: (items: readonly T[]) => object
): object {
  const { items, nextPageToken } = pageOf(found, query.maxResults, query.pageToken, idOf)
  return {
    ...(items.length > 0 ? show(items) : {}),
    ...(nextPageToken ? { nextPageToken } : {}),
    resultSizeEstimate: found.length
  }
}

/** Decimal digits only, as Gmail's: the place in seven, then the id's bytes in three each. */
function writeToken(place: number, id: string): string {
  const bytes = Array.from(Buffer.from(id), (byte) => `${byte}`.padStart(3, '0'))
  return `${place}`.padStart(7, '0') + bytes.join('')
}

function findStart<T>(all: readonly T[], token: string, idOf: (item: T) => string): number {
  const isToken = /^\d{7}(\d{3})+$/.test(token)
  if (!isToken) throw invalid('Invalid pageToken')
  const bytes = token.slice(7).match(/\d{3}/g) ?? []
  const id = Buffer.from(bytes.map(Number)).toString()
  const found = all.findIndex((item) => idOf(item) === id)
  return found === -1 ? Number(token.slice(0, 7)) : found
}
