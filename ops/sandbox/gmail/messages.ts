import * as z from 'zod'
import { GoogleError, invalid, notFound } from '../google-error.ts'
import { walkParts } from '../mime/part.ts'
import { toBase64url } from './base64url.ts'
import { checkLabelChange } from './check-label-change.ts'
import { findMessage } from './find-message.ts'
import { findMessages } from './find-messages.ts'
import { flag, LabelChange, list, MessageInput, maxResults, text } from './input.ts'
import {
  isFetchedById,
  labelledReference,
  messageReference,
  messageResource
} from './message-resource.ts'
import { defineMethod, type GmailMethod } from './method.ts'
import { listAnswer } from './page.ts'
import { MAX_SENT, readRaw } from './read-raw.ts'
import { ANY_OF, METADATA } from './scopes.ts'

const MAX_BATCH = 1000

export const ReadQuery = z.strictObject({
  format: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['full', 'metadata', 'minimal', 'raw']))
    .default('full'),
  metadataHeaders: list
})

const BatchIds = z.array(z.string()).default([])

/** Throws when a token with the metadata scope asks for content. */
export function checkFormat(scopes: ReadonlySet<string>, format: string): void {
  if (!scopes.has(METADATA) || format === 'metadata' || format === 'minimal') return
  throw new GoogleError('forbidden', `Metadata scope doesn't allow format ${format.toUpperCase()}`)
}

/** Reading, sending, labelling and deleting single messages, and batches of them. */
export const messageMethods: readonly GmailMethod[] = [
  defineMethod({
    name: 'messages.list',
    verb: 'GET',
    path: 'messages',
    anyOf: ANY_OF.read,
    units: 5,
    query: z.strictObject({
      q: text,
      labelIds: list,
      includeSpamTrash: flag,
      maxResults,
      pageToken: text
    }),
    serve({ query, ...context }) {
      const found = findMessages(context, query)
      return listAnswer(
        found,
        query,
        ({ id }) => id,
        (items) => ({ messages: items.map(messageReference) })
      )
    }
  }),
  defineMethod({
    name: 'messages.get',
    verb: 'GET',
    path: 'messages/:id',
    anyOf: ANY_OF.read,
    units: 20,
    query: ReadQuery,
    serve({ mailbox, params, query, scopes, showing }) {
      checkFormat(scopes, query.format)
      const message = findMessage(mailbox, params.id)
      return messageResource(message, query.format, showing, query.metadataHeaders)
    }
  }),
  defineMethod({
    name: 'messages.attachments.get',
    verb: 'GET',
    path: 'messages/:messageId/attachments/:id',
    anyOf: ANY_OF.readContent,
    units: 20,
    serve({ mailbox, params, showing }) {
      const message = findMessage(mailbox, params.messageId)
      const partId = showing.attachmentIds.resolve(message.id, params.id ?? '')
      if (partId === undefined) throw invalid('Invalid attachment token')
      const part = [...walkParts(message.mail.root)].find((other) => other.partId === partId)
      if (!part || !isFetchedById(part)) throw notFound()
      return { size: part.content.length, data: toBase64url(part.content) }
    }
  }),
  defineMethod({
    name: 'messages.send',
    verb: 'POST',
    path: 'messages/send',
    anyOf: ANY_OF.send,
    units: 100,
    body: MessageInput,
    maxUpload: MAX_SENT,
    serve({ mailbox, postOffice, body, media }) {
      const { threadId } = body
      mailbox.checkThread(threadId)
      const sent = postOffice.send(mailbox, readRaw(media, body.raw, MAX_SENT), { threadId })
      return labelledReference(sent)
    }
  }),
  defineMethod({
    name: 'messages.modify',
    verb: 'POST',
    path: 'messages/:id/modify',
    anyOf: ANY_OF.modify,
    units: 5,
    body: LabelChange,
    serve({ mailbox, params, body }) {
      const message = findMessage(mailbox, params.id)
      const { addLabelIds, removeLabelIds } = body
      checkLabelChange(mailbox, { addLabelIds, removeLabelIds })
      mailbox.relabel(message, addLabelIds, removeLabelIds)
      return labelledReference(message)
    }
  }),
  defineMethod({
    name: 'messages.batchModify',
    verb: 'POST',
    path: 'messages/batchModify',
    anyOf: ANY_OF.modify,
    units: 50,
    body: LabelChange.extend({ ids: BatchIds }),
    serve({ mailbox, body: { ids, addLabelIds, removeLabelIds } }) {
      checkBatch(ids)
      checkLabelChange(mailbox, { addLabelIds, removeLabelIds })
      for (const id of ids) {
        const message = mailbox.message(id)
        if (message) mailbox.relabel(message, addLabelIds, removeLabelIds)
      }
      return undefined
    }
  }),
  defineMethod({
    name: 'messages.trash',
    verb: 'POST',
    path: 'messages/:id/trash',
    anyOf: ANY_OF.modify,
    units: 20,
    serve({ mailbox, params }) {
      const message = findMessage(mailbox, params.id)
      mailbox.relabel(message, ['TRASH'], [])
      return labelledReference(message)
    }
  }),
  defineMethod({
    name: 'messages.untrash',
    verb: 'POST',
    path: 'messages/:id/untrash',
    anyOf: ANY_OF.modify,
    units: 5,
    serve({ mailbox, params }) {
      const message = findMessage(mailbox, params.id)
      mailbox.relabel(message, [], ['TRASH'])
      return labelledReference(message)
    }
  }),
  defineMethod({
    name: 'messages.delete',
    verb: 'DELETE',
    path: 'messages/:id',
    anyOf: ANY_OF.delete,
    units: 10,
    serve({ mailbox, params }) {
      mailbox.remove(findMessage(mailbox, params.id))
      return undefined
    }
  }),
  defineMethod({
    name: 'messages.batchDelete',
    verb: 'POST',
    path: 'messages/batchDelete',
    anyOf: ANY_OF.delete,
    units: 50,
    body: z.strictObject({ ids: BatchIds }),
    serve({ mailbox, body: { ids } }) {
      checkBatch(ids)
      for (const id of ids) {
        const message = mailbox.message(id)
        if (message) mailbox.remove(message)
      }
      return undefined
    }
  })
]

function checkBatch(ids: readonly string[]): void {
  if (ids.length === 0) throw invalid('No message ids specified')
  if (ids.length > MAX_BATCH) throw invalid(`Too many message ids; at most ${MAX_BATCH}`)
}
