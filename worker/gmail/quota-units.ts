import type { GmailMethod } from './mailbox.ts'

/** Google's limit for one user of a project that was made after 2026-05-01. */
export const UNITS_PER_MINUTE = 6000

/** Quota units of each method, as Google's quota page has them since 2026-05-01. */
export const UNITS: Readonly<Record<GmailMethod, number>> = {
  getProfile: 1,
  'messages.list': 5,
  'messages.get': 20,
  'messages.send': 100,
  'messages.modify': 5,
  'messages.batchModify': 50,
  'messages.trash': 20,
  'messages.untrash': 5,
  'messages.delete': 10,
  'messages.batchDelete': 50,
  'attachments.get': 20,
  'threads.list': 10,
  'threads.get': 40,
  'threads.modify': 10,
  'threads.trash': 20,
  'threads.untrash': 10,
  'drafts.list': 5,
  'drafts.get': 20,
  'drafts.create': 10,
  'drafts.update': 15,
  'drafts.send': 100,
  'drafts.delete': 10,
  'labels.list': 1,
  'labels.get': 1,
  'labels.create': 5,
  'labels.patch': 5,
  'labels.delete': 5,
  'filters.list': 1,
  'filters.get': 1,
  'filters.create': 5,
  'filters.delete': 5,
  'forwardingAddresses.list': 1,
  'sendAs.list': 1,
  'sendAs.patch': 100, // not on the page; the dearest neighbour, sendAs.update
  'history.list': 2,
  'settings.getVacation': 1,
  'settings.updateVacation': 5,
  'settings.getImap': 1,
  'settings.updateImap': 5,
  'settings.getPop': 1,
  'settings.updatePop': 100,
  'settings.getLanguage': 1,
  'settings.updateLanguage': 5,
  'settings.getAutoForwarding': 1,
  'delegates.list': 1
}
