import * as z from 'zod'
import { invalid } from '../google-error.ts'
import { Mail } from '../mime/mail.ts'
import { flag, MessageInput } from './input.ts'
import { labelledReference } from './message-resource.ts'
import { defineMethod, type GmailCall, type GmailMethod } from './method.ts'
import { MAX_INSERTED, readRaw } from './read-raw.ts'
import { ANY_OF } from './scopes.ts'

const DateSource = z.enum(['receivedTime', 'dateHeader'])
const InsertQuery = z.strictObject({
  internalDateSource: DateSource.default('receivedTime'),
  deleted: flag
})
const ImportQuery = z.strictObject({
  internalDateSource: DateSource.default('dateHeader'),
  deleted: flag,
  neverMarkSpam: flag,
  processForCalendar: flag
})

/** Putting messages into the mailbox without sending them. */
export const insertMethods: readonly GmailMethod[] = [
  defineMethod({
    name: 'messages.insert',
    verb: 'POST',
    path: 'messages',
    anyOf: ANY_OF.insert,
    units: 25,
    query: InsertQuery,
    body: MessageInput,
    maxUpload: MAX_INSERTED,
    serve: insert
  }),
  defineMethod({
    name: 'messages.import',
    verb: 'POST',
    path: 'messages/import',
    anyOf: ANY_OF.insert,
    units: 25,
    query: ImportQuery,
    body: MessageInput,
    maxUpload: MAX_INSERTED,
    serve: insert
  })
]

function insert({
  mailbox,
  query,
  body,
  media
}: GmailCall<{ internalDateSource: string }, z.infer<typeof MessageInput>>) {
  const raw = readRaw(media, body.raw, MAX_INSERTED)
  const { labelIds = [], threadId } = body
  for (const id of labelIds) if (!mailbox.labels.has(id)) throw invalid(`Invalid label: ${id}`)
  mailbox.checkThread(threadId)
  const written = Date.parse(new Mail(raw).header('Date') ?? '')
  const usesHeader = query.internalDateSource === 'dateHeader' && !Number.isNaN(written)
  const message = mailbox.add({
    raw,
    labelIds,
    threadId,
    ...(usesHeader ? { internalDate: written } : {})
  })
  return labelledReference(message)
}
