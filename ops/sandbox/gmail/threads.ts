import * as z from 'zod'
import type { Mailbox } from '../mailbox/mailbox.ts'
import type { StoredMessage } from '../mailbox/stored-message.ts'
import { checkLabelChange } from './check-label-change.ts'
import { findThread } from './find-message.ts'
import { findMessages } from './find-messages.ts'
import { flag, LabelChange, list, maxResults, text } from './input.ts'
import { messageResource } from './message-resource.ts'
import { checkFormat, ReadQuery } from './messages.ts'
import { defineMethod, type GmailMethod } from './method.ts'
import { listAnswer } from './page.ts'
import { ANY_OF } from './scopes.ts'

/** Conversations as a whole. */
export const threadMethods: readonly GmailMethod[] = [
  defineMethod({
    name: 'threads.list',
    verb: 'GET',
    path: 'threads',
    anyOf: ANY_OF.read,
    units: 10,
    query: z.strictObject({
      q: text,
      labelIds: list,
      includeSpamTrash: flag,
      maxResults,
      pageToken: text
    }),
    serve({ query, ...context }) {
      const found = [...new Set(findMessages(context, query).map(({ threadId }) => threadId))]
      return listAnswer(
        found,
        query,
        (id) => id,
        (items) => ({ threads: items.map((id) => summary(context.mailbox, id)) })
      )
    }
  }),
  defineMethod({
    name: 'threads.get',
    verb: 'GET',
    path: 'threads/:id',
    anyOf: ANY_OF.read,
    units: 40,
    query: ReadQuery.extend({
      format: ReadQuery.shape.format.refine((format) => format !== 'raw', 'Invalid format')
    }),
    serve({ mailbox, params, query, scopes, showing }) {
      checkFormat(scopes, query.format)
      const messages = findThread(mailbox, params.id)
      return {
        id: params.id,
        historyId: lastHistoryId(messages),
        messages: messages.map((message) =>
          messageResource(message, query.format, showing, query.metadataHeaders)
        )
      }
    }
  }),
  defineMethod({
    name: 'threads.modify',
    verb: 'POST',
    path: 'threads/:id/modify',
    anyOf: ANY_OF.modify,
    units: 10,
    body: LabelChange,
    serve({ mailbox, params, body: { addLabelIds, removeLabelIds } }) {
      const messages = findThread(mailbox, params.id)
      checkLabelChange(mailbox, { addLabelIds, removeLabelIds })
      for (const message of messages) mailbox.relabel(message, addLabelIds, removeLabelIds)
      return changed(mailbox, params.id)
    }
  }),
  defineMethod({
    name: 'threads.trash',
    verb: 'POST',
    path: 'threads/:id/trash',
    anyOf: ANY_OF.modify,
    units: 20,
    serve({ mailbox, params }) {
      for (const message of findThread(mailbox, params.id)) mailbox.relabel(message, ['TRASH'], [])
      return changed(mailbox, params.id)
    }
  }),
  defineMethod({
    name: 'threads.untrash',
    verb: 'POST',
    path: 'threads/:id/untrash',
    anyOf: ANY_OF.modify,
    units: 10,
    serve({ mailbox, params }) {
      for (const message of findThread(mailbox, params.id)) mailbox.relabel(message, [], ['TRASH'])
      return changed(mailbox, params.id)
    }
  }),
  defineMethod({
    name: 'threads.delete',
    verb: 'DELETE',
    path: 'threads/:id',
    anyOf: ANY_OF.delete,
    units: 20,
    serve({ mailbox, params }) {
      for (const message of findThread(mailbox, params.id)) mailbox.remove(message)
      return undefined
    }
  })
]

function summary(mailbox: Mailbox, id: string) {
  const messages = mailbox.messagesOf(id)
  return { id, snippet: messages.at(-1)?.mail.snippet ?? '', historyId: lastHistoryId(messages) }
}

const changed = (mailbox: Mailbox, id: string | undefined) => ({
  id,
  messages: mailbox
    .messagesOf(id ?? '')
    .map((message) => ({ id: message.id, threadId: id, labelIds: [...message.labelIds] }))
})

const lastHistoryId = (messages: readonly StoredMessage[]) =>
  `${Math.max(...messages.map(({ historyId }) => historyId))}`
