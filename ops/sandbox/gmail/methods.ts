import { draftMethods } from './drafts.ts'
import { filterMethods } from './filters.ts'
import { historyMethods } from './history.ts'
import { insertMethods } from './insert.ts'
import { labelMethods } from './labels.ts'
import { messageMethods } from './messages.ts'
import type { GmailMethod } from './method.ts'
import { sendAsMethods } from './send-as.ts'
import { settingsMethods } from './settings.ts'
import { threadMethods } from './threads.ts'

/** Every method of the Gmail API that the sandbox serves. */
export const GMAIL_METHODS: readonly GmailMethod[] = [
  ...historyMethods,
  ...messageMethods,
  ...insertMethods,
  ...threadMethods,
  ...draftMethods,
  ...labelMethods,
  ...filterMethods,
  ...settingsMethods,
  ...sendAsMethods
]
