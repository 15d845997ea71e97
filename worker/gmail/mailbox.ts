import type { gmail_v1 } from '@googleapis/gmail'

type Body = gmail_v1.Schema$Message
type Page = { maxResults?: number; pageToken?: string; includeSpamTrash?: boolean; q?: string }
type Change = { addLabelIds?: string[]; removeLabelIds?: string[] }
type Format = {
  format?: 'minimal' | 'full' | 'metadata' | 'raw'
  metadataHeaders?: string[]
  fields?: string
}

/** The Gmail methods that are used, each with what it takes besides the user and what it answers. */
export interface GmailMethods {
  getProfile: [Record<string, never>, gmail_v1.Schema$Profile]
  'messages.list': [Page & { labelIds?: string[] }, gmail_v1.Schema$ListMessagesResponse]
  'messages.get': [{ id: string } & Format, Body]
  'messages.send': [{ requestBody: { raw: string; threadId?: string } }, Body]
  'messages.modify': [{ id: string; requestBody: Change }, Body]
  'messages.batchModify': [{ requestBody: Change & { ids: string[] } }, unknown]
  'messages.trash': [{ id: string }, Body]
  'messages.untrash': [{ id: string }, Body]
  'messages.delete': [{ id: string }, unknown]
  'messages.batchDelete': [{ requestBody: { ids: string[] } }, unknown]
  'attachments.get': [{ messageId: string; id: string }, gmail_v1.Schema$MessagePartBody]
  'threads.list': [Page & { labelIds?: string[] }, gmail_v1.Schema$ListThreadsResponse]
  'threads.get': [{ id: string } & Format, gmail_v1.Schema$Thread]
  'threads.modify': [{ id: string; requestBody: Change }, gmail_v1.Schema$Thread]
  'threads.trash': [{ id: string }, gmail_v1.Schema$Thread]
  'threads.untrash': [{ id: string }, gmail_v1.Schema$Thread]
  'drafts.list': [Page, gmail_v1.Schema$ListDraftsResponse]
  'drafts.get': [{ id: string; format?: 'minimal' | 'full' | 'metadata' | 'raw' }, Draft]
  'drafts.create': [{ requestBody: DraftBody }, Draft]
  'drafts.update': [{ id: string; requestBody: DraftBody }, Draft]
  'drafts.send': [{ requestBody: { id: string } }, Body]
  'drafts.delete': [{ id: string }, unknown]
  'labels.list': [Record<string, never>, gmail_v1.Schema$ListLabelsResponse]
  'labels.get': [{ id: string }, Label]
  'labels.create': [{ requestBody: Label }, Label]
  'labels.patch': [{ id: string; requestBody: Label }, Label]
  'labels.delete': [{ id: string }, unknown]
  'filters.list': [Record<string, never>, gmail_v1.Schema$ListFiltersResponse]
  'filters.get': [{ id: string }, Filter]
  'filters.create': [{ requestBody: Filter }, Filter]
  'filters.delete': [{ id: string }, unknown]
  'forwardingAddresses.list': [
    Record<string, never>,
    gmail_v1.Schema$ListForwardingAddressesResponse
  ]
  'sendAs.list': [Record<string, never>, gmail_v1.Schema$ListSendAsResponse]
  'sendAs.patch': [{ sendAsEmail: string; requestBody: SendAs }, SendAs]
  'history.list': [
    {
      startHistoryId: string
      labelId?: string
      historyTypes?: string[]
      maxResults?: number
      pageToken?: string
    },
    gmail_v1.Schema$ListHistoryResponse
  ]
  'settings.getVacation': [Record<string, never>, Vacation]
  'settings.updateVacation': [{ requestBody: Vacation }, Vacation]
  'settings.getImap': [Record<string, never>, Imap]
  'settings.updateImap': [{ requestBody: Imap }, Imap]
  'settings.getPop': [Record<string, never>, Pop]
  'settings.updatePop': [{ requestBody: Pop }, Pop]
  'settings.getLanguage': [Record<string, never>, gmail_v1.Schema$LanguageSettings]
  'settings.updateLanguage': [
    { requestBody: gmail_v1.Schema$LanguageSettings },
    gmail_v1.Schema$LanguageSettings
  ]
  'settings.getAutoForwarding': [Record<string, never>, AutoForwarding]
  'delegates.list': [Record<string, never>, gmail_v1.Schema$ListDelegatesResponse]
}

export type GmailMethod = keyof GmailMethods
export type Message = gmail_v1.Schema$Message
export type MessagePart = gmail_v1.Schema$MessagePart
export type Thread = gmail_v1.Schema$Thread
export type Label = gmail_v1.Schema$Label
export type Filter = gmail_v1.Schema$Filter
export type SendAs = gmail_v1.Schema$SendAs
export type AutoForwarding = gmail_v1.Schema$AutoForwarding
export type ForwardingAddress = gmail_v1.Schema$ForwardingAddress
export type Delegate = gmail_v1.Schema$Delegate
export type HistoryRecord = gmail_v1.Schema$History
export type Vacation = gmail_v1.Schema$VacationSettings
export type Imap = gmail_v1.Schema$ImapSettings
export type Pop = gmail_v1.Schema$PopSettings
export type Draft = gmail_v1.Schema$Draft
type DraftBody = { message: { raw: string; threadId?: string } }

/** One account's Gmail, as the tools see it. */
export interface Mailbox {
  /** The account's own address. */
  readonly address: string
  /** Quota units that can be spent now without waiting. */
  readonly unitsLeft: number
  /**
   * Calls Gmail, paced and retried. Throws a ToolError for everything that Google refuses; a call that is
   * not certain to have had no effect is never made twice (see `worker/gmail/retry-policy.ts`).
   */
  call<M extends GmailMethod>(
    method: M,
    params: GmailMethods[M][0],
    signal: AbortSignal
  ): Promise<GmailMethods[M][1]>
  /** Fetches what of these messages is not held yet, in the cheapest way, so that each can be had for less. */
  prefetch?(found: readonly Listed[], signal: AbortSignal): Promise<void>
}

/** A message as lists name it. */
export interface Listed {
  readonly id: string
  readonly threadId: string
}
