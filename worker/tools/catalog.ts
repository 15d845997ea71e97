import type { Tool } from '../tool-kit/define-tool.ts'
import { applyFilterToExisting } from './apply-filter.ts'
import { batchReadEmails } from './batch-read-emails.ts'
import { createAttachmentUpload } from './create-attachment-upload.ts'
import { batchDeleteEmails, deleteEmail } from './delete-emails.ts'
import { downloadAttachment } from './download-attachment.ts'
import { downloadEmail } from './download-email.ts'
import { deleteDraft, getDraft, listDrafts } from './drafts.ts'
import {
  createFilter,
  createFilterFromTemplate,
  deleteFilter,
  getFilter,
  listFilters
} from './filters.ts'
import { findUnanswered } from './find-unanswered.ts'
import { forwardEmail } from './forward-email.ts'
import { getProfile } from './get-profile.ts'
import { getThread } from './get-thread.ts'
import {
  createLabel,
  deleteLabel,
  getOrCreateLabel,
  listEmailLabels,
  updateLabel
} from './labels.ts'
import { listHistory } from './list-history.ts'
import { listInboxThreads } from './list-inbox-threads.ts'
import { getMailSettings, updateMailSettings } from './mail-settings.ts'
import { batchModifyEmails, modifyEmail } from './modify-emails.ts'
import { modifyThread, trashThread, untrashThread } from './modify-threads.ts'
import { readEmail } from './read-email.ts'
import { replyAll } from './reply-all.ts'
import { replyToEmail } from './reply-to-email.ts'
import { searchContacts } from './search-contacts.ts'
import { searchEmails } from './search-emails.ts'
import { getSearchHelp } from './search-help.ts'
import { searchThreads } from './search-threads.ts'
import { listSendAs, updateSignature } from './send-as.ts'
import { sendDraft } from './send-draft.ts'
import { draftEmail, sendEmail } from './send-email.ts'
import { notSpam, reportSpam } from './spam.ts'
import { trashEmail, untrashEmail } from './trash-emails.ts'
import { unsubscribeEmail } from './unsubscribe-email.ts'
import { updateDraft } from './update-draft.ts'
import { getVacationResponder, updateVacationResponder } from './vacation.ts'

/** Every tool, in the order of the list. */
export const TOOLS: readonly Tool[] = [
  searchEmails,
  readEmail,
  batchReadEmails,
  searchThreads,
  listInboxThreads,
  findUnanswered,
  getThread,
  downloadAttachment,
  downloadEmail,
  sendEmail,
  draftEmail,
  replyToEmail,
  replyAll,
  forwardEmail,
  listDrafts,
  getDraft,
  updateDraft,
  sendDraft,
  deleteDraft,
  createAttachmentUpload,
  modifyEmail,
  batchModifyEmails,
  trashEmail,
  untrashEmail,
  modifyThread,
  trashThread,
  untrashThread,
  reportSpam,
  notSpam,
  unsubscribeEmail,
  deleteEmail,
  batchDeleteEmails,
  listEmailLabels,
  createLabel,
  updateLabel,
  deleteLabel,
  getOrCreateLabel,
  listFilters,
  getFilter,
  createFilter,
  createFilterFromTemplate,
  deleteFilter,
  applyFilterToExisting,
  getVacationResponder,
  updateVacationResponder,
  listSendAs,
  updateSignature,
  getMailSettings,
  updateMailSettings,
  listHistory,
  searchContacts,
  getSearchHelp,
  getProfile
]
