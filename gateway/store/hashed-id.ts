import { createHash } from 'node:crypto'

/** How the id of a secret is stored. */
export const hashedId = (id: string): string => createHash('sha256').update(id).digest('base64url')
