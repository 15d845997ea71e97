import { createHash } from 'node:crypto'
import type { SessionId } from './ids.ts'

/** SHA-256 of a session id, base64url: what is stored of it, and what names it in messages. */
export const sessionHash = (id: SessionId): string =>
  createHash('sha256').update(id).digest('base64url')
