import type { GmailAttempt } from '#shared/worker-protocol.ts'

type Known = Exclude<GmailAttempt['method'], 'other'>

/** How each method is called, below `/gmail/v1/users/{userId}/` (Google's description of the API, `flatPath`). */
const GMAIL_URLS: Readonly<Record<Known, `${string} ${string}`>> = {
  getProfile: 'GET profile',
  'messages.list': 'GET messages',
  'messages.get': 'GET messages/{id}',
  'messages.send': 'POST messages/send',
  'messages.modify': 'POST messages/{id}/modify',
  'messages.batchModify': 'POST messages/batchModify',
  'messages.trash': 'POST messages/{id}/trash',
  'messages.untrash': 'POST messages/{id}/untrash',
  'messages.delete': 'DELETE messages/{id}',
  'messages.batchDelete': 'POST messages/batchDelete',
  'attachments.get': 'GET messages/{messageId}/attachments/{id}',
  'threads.list': 'GET threads',
  'threads.get': 'GET threads/{id}',
  'threads.modify': 'POST threads/{id}/modify',
  'threads.trash': 'POST threads/{id}/trash',
  'threads.untrash': 'POST threads/{id}/untrash',
  'drafts.list': 'GET drafts',
  'drafts.get': 'GET drafts/{id}',
  'drafts.create': 'POST drafts',
  'drafts.update': 'PUT drafts/{id}',
  'drafts.send': 'POST drafts/send',
  'drafts.delete': 'DELETE drafts/{id}',
  'labels.list': 'GET labels',
  'labels.get': 'GET labels/{id}',
  'labels.create': 'POST labels',
  'labels.patch': 'PATCH labels/{id}',
  'labels.delete': 'DELETE labels/{id}',
  'filters.list': 'GET settings/filters',
  'filters.get': 'GET settings/filters/{id}',
  'filters.create': 'POST settings/filters',
  'filters.delete': 'DELETE settings/filters/{id}',
  'forwardingAddresses.list': 'GET settings/forwardingAddresses',
  'sendAs.list': 'GET settings/sendAs',
  'sendAs.patch': 'PATCH settings/sendAs/{sendAsEmail}',
  'history.list': 'GET history',
  'settings.getVacation': 'GET settings/vacation',
  'settings.updateVacation': 'PUT settings/vacation',
  'settings.getImap': 'GET settings/imap',
  'settings.updateImap': 'PUT settings/imap',
  'settings.getPop': 'GET settings/pop',
  'settings.updatePop': 'PUT settings/pop',
  'settings.getLanguage': 'GET settings/language',
  'settings.updateLanguage': 'PUT settings/language',
  'settings.getAutoForwarding': 'GET settings/autoForwarding',
  'delegates.list': 'GET settings/delegates'
}

export interface GmailUrl {
  readonly verb: string
  readonly template: string
}

/** A method's HTTP verb and the template of its path; undefined for one that is not on the list. */
export function gmailUrl(method: GmailAttempt['method']): GmailUrl | undefined {
  if (method === 'other') return undefined
  const [verb = '', path = ''] = GMAIL_URLS[method].split(' ')
  return { verb, template: `/gmail/v1/users/{userId}/${path}` }
}
