import type { UserId } from '#shared/ids.ts'

/** Something that a person changed of their account: on its page, or with a sign-in tool. */
export interface AccountChange {
  readonly userId: UserId
  readonly action:
    | 'create_token'
    | 'revoke_token'
    | 'disconnect_client'
    | 'end_session'
    | 'erase_account'
  /** What it was done to: a token's id, a client's id, a session's handle. */
  readonly target: string
  /** Undefined for a tool: its request is another process's. */
  readonly requestId: string | undefined
}

/** Writes a change down: before it is made, or else when it has got its name. */
export type NoteChange = (change: AccountChange) => Promise<void>
