import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import * as z from 'zod'
import { invalid, notFound } from '../google-error.ts'
import type { HistoryRecord } from '../mailbox/history.ts'
import { list, maxResults, text } from './input.ts'
import { defineMethod, type GmailMethod } from './method.ts'
import { pageOf } from './page.ts'
import { ANY_OF } from './scopes.ts'

const WATCH_MS = 7 * 86_400_000

/** The profile, what changed since, and push notifications (which are promised and never sent). */
export const historyMethods: readonly GmailMethod[] = [
  defineMethod({
    name: 'getProfile',
    verb: 'GET',
    path: 'profile',
    anyOf: ANY_OF.profile,
    units: 1,
    serve: ({ mailbox }): gmail_v1.Schema$Profile => ({
      emailAddress: mailbox.owner.email,
      messagesTotal: mailbox.messages.length,
      threadsTotal: mailbox.threadCount,
      historyId: `${mailbox.history.id}`
    })
  }),
  defineMethod({
    name: 'history.list',
    verb: 'GET',
    path: 'history',
    anyOf: ANY_OF.read,
    units: 2,
    query: z.strictObject({
      startHistoryId: text,
      labelId: text,
      historyTypes: list.pipe(
        z.array(z.enum(['messageAdded', 'messageDeleted', 'labelAdded', 'labelRemoved']))
      ),
      maxResults,
      pageToken: text
    }),
    serve({ mailbox, query }): gmail_v1.Schema$ListHistoryResponse {
      const { startHistoryId = '', labelId, historyTypes } = query
      if (!/^\d+$/.test(startHistoryId)) throw invalid('Missing/invalid parameter: startHistoryId')
      const since = mailbox.history.since(Number(startHistoryId))
      if (!since) throw notFound()
      const found = since.filter(
        ({ kind, labelIds, changed }) =>
          (historyTypes.length === 0 || historyTypes.includes(kind)) &&
          (labelId === undefined || [...labelIds, ...(changed ?? [])].includes(labelId))
      )
      const { items, nextPageToken } = pageOf(
        found,
        query.maxResults,
        query.pageToken,
        ({ id, kind }) => `${id}${kind}`
      )
      return {
        ...(items.length > 0 ? { history: items.map(historyResource) } : {}),
        ...(nextPageToken ? { nextPageToken } : {}),
        historyId: `${mailbox.history.id}`
      }
    }
  }),
  defineMethod({
    name: 'watch',
    verb: 'POST',
    path: 'watch',
    anyOf: ANY_OF.read,
    units: 100,
    body: z.strictObject({
      topicName: z.string().optional(),
      labelIds: z.array(z.string()).optional(),
      labelFilterAction: z.enum(['include', 'exclude']).optional(),
      labelFilterBehavior: z.enum(['include', 'exclude']).optional()
    }),
    serve({ mailbox, body, now }): gmail_v1.Schema$WatchResponse {
      if (!/^projects\/[^/]+\/topics\/[^/]+$/.test(body.topicName ?? '')) {
        throw invalid(`Invalid topicName does not match projects/sandbox/topics/*`)
      }
      return { historyId: `${mailbox.history.id}`, expiration: `${now + WATCH_MS}` }
    }
  }),
  defineMethod({
    name: 'stop',
    verb: 'POST',
    path: 'stop',
    anyOf: ANY_OF.read,
    units: 50,
    serve: () => undefined
  })
]

function historyResource(record: HistoryRecord): gmail_v1.Schema$History {
  const { id, kind, messageId, threadId, labelIds, changed } = record
  const reference = { id: messageId, threadId }
  const message = { ...reference, labelIds: [...labelIds] }
  const event = { message, ...(changed ? { labelIds: [...changed] } : {}) }
  const field = {
    messageAdded: { messagesAdded: [event] },
    messageDeleted: { messagesDeleted: [event] },
    labelAdded: { labelsAdded: [event] },
    labelRemoved: { labelsRemoved: [event] }
  }
  return { id: `${id}`, messages: [reference], ...field[kind] }
}
