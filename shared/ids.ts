/** A Gmail account as the gateway knows it: Google's `sub`, never the e-mail address. */
export type UserId = string & { readonly brand: 'UserId' }

/** An MCP session id (`Mcp-Session-Id`). A secret: it is never logged, and only its hash is stored. */
export type SessionId = string & { readonly brand: 'SessionId' }

/** One life of one worker process, e.g. `w-5f3a91c2`. Not a secret. */
export type WorkerId = string & { readonly brand: 'WorkerId' }

export const asUserId = (sub: string): UserId => sub as UserId
export const asSessionId = (id: string): SessionId => id as SessionId
/** Somebody who has not signed in: the owner of one session that began without a token. */
export const anonymousUserId = (random: string): UserId => asUserId(`${NOBODY}${random}`)
export const isAnonymous = (userId: UserId): boolean => userId.startsWith(NOBODY)

/** Google's `sub` has digits only, so this is never a person. */
const NOBODY = 'nobody:'

export const asWorkerId = (id: string): WorkerId => id as WorkerId
