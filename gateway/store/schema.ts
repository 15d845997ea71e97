import type { Generated } from 'kysely'

/** The tables as Kysely sees them. Every time is in milliseconds since the epoch. */
export interface Schema {
  users: UserRow
  google_grants: GoogleGrantRow
  oauth: OAuthRow
  personal_tokens: PersonalTokenRow
  sessions: SessionRow
  owners: OwnerRow
  lease_floor: LeaseFloorRow
  nodes: NodeRow
  audit: AuditRow
  store_check: StoreCheckRow
  key_check: KeyCheckRow
  sends: SendRow
  account_choices: AccountChoiceRow
  mailbox_links: MailboxLinkRow
  change_version: ChangeVersionRow
  changes: ChangeRow
}

export interface UserRow {
  /** Google's `sub`. */
  id: string
  email: string
  /** The Workspace domain that Google vouches for; null for an ordinary account. */
  hd: string | null
  state: 'active' | 'blocked' | 'needs_reauth'
  created_at: number
  last_seen_at: number
}

interface GoogleGrantRow {
  user_id: string
  /** The refresh token as a JWE. */
  sealed: string
  /** Which vault key sealed it. */
  kid: string
  /** What Google really granted, separated by spaces. */
  scopes: string
  updated_at: number
}

/** Whatever the authorization server keeps: clients, grants, codes, tokens. Secret ids are hashed. */
export interface OAuthRow {
  model: string
  id: string
  payload: string
  grant_id: string | null
  uid: string | null
  user_id: string | null
  client_id: string | null
  created_at: number
  consumed_at: number | null
  /** Null for what has no end of its own. */
  expires_at: number | null
}

export interface PersonalTokenRow {
  /** SHA-256 of the token, base64url. */
  hash: string
  user_id: string
  name: string
  level: string
  created_at: number
  expires_at: number
  last_used_at: number | null
}

export interface SessionRow {
  /** SHA-256 of the session id. */
  hash: string
  /** The public name of the session, for people and the admin API. */
  handle: string
  user_id: string
  client_id: string
  client_name: string
  client_version: string
  protocol_version: string
  /** The client's `initialize` parameters as JSON. */
  initialize: string
  created_at: number
  last_seen_at: number
  /** What a sign-in by tool allowed in this session; null where only the token counts. */
  level: string | null
  /** For a session that needs no token: when it ends. Null for all others. */
  expires_at: number | null
  /** The hash of the personal token that a session without a token leans on. */
  token_hash: string | null
}

/** Which gateway runs a user's worker, until when by `Terms.now`. One given back has expired at 0 and keeps its epoch. */
interface OwnerRow {
  user_id: string
  /** The gateway's `nodes.id`. */
  node: string
  /** Higher with each lease. */
  epoch: number
  expires_at: number
}

/** One row: the highest epoch of anybody who was erased. Whoever is new begins above it. */
interface LeaseFloorRow {
  id: number
  epoch: number
}

/** One run of one gateway over this store. */
export interface NodeRow {
  id: string
  /** What shares its ports: a machine, or a container. */
  host: string
  port: number
  ops_port: number
  state: 'waiting' | 'serving' | 'leaving'
  since: number
  expires_at: number
  /** Where other gateways reach it; null for one that they do not. */
  peer_url: string | null
  /** Workers that it has, and at most takes: 0 when it takes nobody new. */
  workers: number
  worker_limit: number
}

/** The one row that is written to see whether the store can be. */
interface StoreCheckRow {
  id: number
  at: number
}

/** The one row that is sealed under the newest key, to see whether a file of keys belongs to this store. */
interface KeyCheckRow {
  id: number
  sealed: string
  kid: string
}

/** One mail that was sent, or begun. Times are in ms since the epoch. */
interface SendRow {
  user_id: string
  /** SHA-256 of what makes two sends the same. */
  key: string
  /** SHA-256 of what is sent. */
  content: string
  /** The Message-ID of the first try, by which it can be found. */
  message_id: string
  /** Gmail's ids; null while nobody knows whether it went out. */
  sent_id: string | null
  thread_id: string | null
  /** When the last try began. */
  begun_at: number
  /** How long a repetition is recognised once it was sent. */
  window_ms: number
  forget_at: number
}

/** What a person chose on their account page. */
interface AccountChoiceRow {
  user_id: string
  /** `PersonPolicy` as JSON. */
  policy: string
  updated_at: number
}

/** Somebody may use another account's mailbox as well. */
interface MailboxLinkRow {
  /** Who may. */
  user_id: string
  /** Whose mailbox it is. */
  mailbox_id: string
  /** The most that they may do with it. */
  level: string
  since: number
  /** Until when its owner lends it; null when both are one person's. */
  expires_at: number | null
}

/** The one row whose number is that of the last change. */
interface ChangeVersionRow {
  id: number
  version: number
}

/** What one gateway told the others lately. */
interface ChangeRow {
  version: number
  /** In ms since the epoch. */
  at: number
  /** Who told it: a `nodes.id`. */
  node: string
  kind: 'block' | 'erase' | 'grant' | 'policy' | 'session' | 'reload'
  subject: string
}

/** `at` is in ms since the epoch. */
export interface AuditRow {
  id: Generated<number>
  at: number
  actor: string
  action: string
  target: string
  reason: string | null
  request_id: string | null
}
