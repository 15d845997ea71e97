import type { AccessLevel } from '#shared/access-levels.ts'
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
    | 'choose_tools'
    | 'allow_act'
    | 'refuse_act'
    | 'link_mailbox'
    | 'unlink_mailbox'
    | 'lend_mailbox'
  /** What it was done to: a token's id, a client's id, a session's handle. */
  readonly target: string
  /** Undefined for a tool: its request is another process's. */
  readonly requestId: string | undefined
}

/** Writes a change down: before it is made, or else when it has got its name. */
export type NoteChange = (change: AccountChange) => Promise<void>

/** Something that has happened to an account, and cannot be held up for being written down. */
export interface AccountEvent {
  /** Undefined when it is not known who it was. */
  readonly userId: UserId | undefined
  readonly action: 'sign_in' | 'sign_in_refused' | 'consent'
  /** Where somebody signed in (`account`, `tool`, or a client's id), or why not. */
  readonly target: string
  /** The access level that was given. */
  readonly level?: AccessLevel | undefined
  readonly requestId: string | undefined
}

/** Must neither wait nor throw. */
export type TellAccountEvent = (event: AccountEvent) => void
