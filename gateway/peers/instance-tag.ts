import { createHash } from 'node:crypto'

/** A gateway's short name in addresses that it gives out: eight letters, made from its `nodes.id`. */
export const instanceTag = (node: string): string =>
  createHash('sha256').update(node).digest('base64url').slice(0, 8)

/** The tag that a ticket ends with; undefined where it has none. */
export const tagIn = (ticket: string): string | undefined => /\.([\w-]{8})$/.exec(ticket)?.[1]
