import * as z from 'zod'
import type { StoredDraft } from '../mailbox/drafts.ts'
import { findMessages } from './find-messages.ts'
import { flag, MessageInput, maxResults, text } from './input.ts'
import { labelledReference, messageResource } from './message-resource.ts'
import { ReadQuery } from './messages.ts'
import { defineMethod, type GmailMethod } from './method.ts'
import { listAnswer } from './page.ts'
import { MAX_SENT, readRaw } from './read-raw.ts'
import { ANY_OF } from './scopes.ts'

const DraftInput = z.strictObject({
  id: z.string().optional(),
  message: MessageInput.default({})
})

/** Messages in the making. */
export const draftMethods: readonly GmailMethod[] = [
  defineMethod({
    name: 'drafts.list',
    verb: 'GET',
    path: 'drafts',
    anyOf: ANY_OF.readDrafts,
    units: 5,
    query: z.strictObject({ q: text, includeSpamTrash: flag, maxResults, pageToken: text }),
    serve({ query, ...context }) {
      const fitting = new Set(findMessages(context, { ...query, labelIds: ['DRAFT'] }))
      const found = context.mailbox.drafts.list().filter(({ message }) => fitting.has(message))
      return listAnswer(
        found,
        query,
        ({ id }) => id,
        (items) => ({ drafts: items.map(reference) })
      )
    }
  }),
  defineMethod({
    name: 'drafts.get',
    verb: 'GET',
    path: 'drafts/:id',
    anyOf: ANY_OF.readDrafts,
    units: 20,
    query: z.strictObject({ format: ReadQuery.shape.format }),
    serve({ mailbox, params, query, showing }) {
      const { id, message } = mailbox.drafts.get(params.id ?? '')
      return { id, message: messageResource(message, query.format, showing) }
    }
  }),
  defineMethod({
    name: 'drafts.create',
    verb: 'POST',
    path: 'drafts',
    anyOf: ANY_OF.compose,
    units: 10,
    body: DraftInput,
    maxUpload: MAX_SENT,
    serve({ mailbox, body: { message }, media }) {
      mailbox.checkThread(message.threadId)
      const raw = readRaw(media, message.raw, MAX_SENT)
      return reference(mailbox.drafts.create({ raw, threadId: message.threadId }))
    }
  }),
  defineMethod({
    name: 'drafts.update',
    verb: 'PUT',
    path: 'drafts/:id',
    anyOf: ANY_OF.compose,
    units: 15,
    body: DraftInput,
    maxUpload: MAX_SENT,
    serve({ mailbox, params, body: { message }, media }) {
      const { id } = mailbox.drafts.get(params.id ?? '')
      mailbox.checkThread(message.threadId)
      const raw = readRaw(media, message.raw, MAX_SENT)
      return reference(mailbox.drafts.update(id, raw, message.threadId))
    }
  }),
  defineMethod({
    name: 'drafts.send',
    verb: 'POST',
    path: 'drafts/send',
    anyOf: ANY_OF.compose,
    units: 100,
    body: DraftInput,
    maxUpload: MAX_SENT,
    serve({ mailbox, postOffice, body, media }) {
      const { id, message } = mailbox.drafts.get(body.id ?? '')
      const isChanged = media !== undefined || body.message.raw !== undefined
      const raw = isChanged ? readRaw(media, body.message.raw, MAX_SENT) : message.mail.raw
      const sent = postOffice.send(mailbox, raw, { keptThreadId: message.threadId })
      mailbox.drafts.delete(id)
      return labelledReference(sent)
    }
  }),
  defineMethod({
    name: 'drafts.delete',
    verb: 'DELETE',
    path: 'drafts/:id',
    anyOf: ANY_OF.compose,
    units: 10,
    serve({ mailbox, params }) {
      mailbox.drafts.delete(params.id ?? '')
      return undefined
    }
  })
]

const reference = ({ id, message }: StoredDraft) => ({
  id,
  message: labelledReference(message)
})
