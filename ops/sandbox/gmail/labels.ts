import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import * as z from 'zod'
import { invalid } from '../google-error.ts'
import type { Label } from '../mailbox/labels.ts'
import type { Mailbox } from '../mailbox/mailbox.ts'
import { defineMethod, type GmailMethod } from './method.ts'
import { ANY_OF } from './scopes.ts'

const LabelInput = z.strictObject({
  id: z.string().optional(),
  name: z.string().optional(),
  type: z.string().optional(),
  messageListVisibility: z.enum(['show', 'hide']).optional(),
  labelListVisibility: z.enum(['labelShow', 'labelShowIfUnread', 'labelHide']).optional(),
  color: z.strictObject({ textColor: z.string(), backgroundColor: z.string() }).optional(),
  messagesTotal: z.unknown().optional(),
  messagesUnread: z.unknown().optional(),
  threadsTotal: z.unknown().optional(),
  threadsUnread: z.unknown().optional()
})

/** Labels, the system's and the user's. */
export const labelMethods: readonly GmailMethod[] = [
  defineMethod({
    name: 'labels.list',
    verb: 'GET',
    path: 'labels',
    anyOf: ANY_OF.readLabels,
    units: 1,
    serve: ({ mailbox }): gmail_v1.Schema$ListLabelsResponse => ({
      labels: mailbox.labels.list().map(labelResource)
    })
  }),
  defineMethod({
    name: 'labels.get',
    verb: 'GET',
    path: 'labels/:id',
    anyOf: ANY_OF.readLabels,
    units: 1,
    serve: ({ mailbox, params }): gmail_v1.Schema$Label => {
      const label = mailbox.labels.get(params.id ?? '')
      return { ...labelResource(label), ...counts(mailbox, label.id) }
    }
  }),
  defineMethod({
    name: 'labels.create',
    verb: 'POST',
    path: 'labels',
    anyOf: ANY_OF.labels,
    units: 5,
    body: LabelInput,
    serve({ mailbox, body }) {
      const created = mailbox.labels.create({ ...writable(body), name: body.name ?? '' })
      mailbox.onChange()
      return labelResource(created)
    }
  }),
  defineMethod({
    name: 'labels.update',
    verb: 'PUT',
    path: 'labels/:id',
    anyOf: ANY_OF.labels,
    units: 5,
    body: LabelInput,
    serve({ mailbox, params, body }) {
      if (body.name === undefined) throw invalid('Missing label name')
      const cleared = {
        messageListVisibility: undefined,
        labelListVisibility: undefined,
        color: undefined
      }
      const changed = mailbox.labels.change(params.id ?? '', { ...cleared, ...writable(body) })
      mailbox.onChange()
      return labelResource(changed)
    }
  }),
  defineMethod({
    name: 'labels.patch',
    verb: 'PATCH',
    path: 'labels/:id',
    anyOf: ANY_OF.labels,
    units: 5,
    body: LabelInput,
    serve({ mailbox, params, body }) {
      const changed = mailbox.labels.change(params.id ?? '', writable(body))
      mailbox.onChange()
      return labelResource(changed)
    }
  }),
  defineMethod({
    name: 'labels.delete',
    verb: 'DELETE',
    path: 'labels/:id',
    anyOf: ANY_OF.labels,
    units: 5,
    serve({ mailbox, params }) {
      mailbox.deleteLabel(params.id ?? '')
      return undefined
    }
  })
]

function writable({
  name,
  messageListVisibility,
  labelListVisibility,
  color
}: z.infer<typeof LabelInput>) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(messageListVisibility ? { messageListVisibility } : {}),
    ...(labelListVisibility ? { labelListVisibility } : {}),
    ...(color ? { color } : {})
  }
}

function labelResource(label: Label): gmail_v1.Schema$Label {
  const { id, name, type, messageListVisibility, labelListVisibility, color } = label
  return {
    id,
    name,
    ...(messageListVisibility ? { messageListVisibility } : {}),
    ...(labelListVisibility ? { labelListVisibility } : {}),
    type,
    ...(color ? { color } : {})
  }
}

function counts(mailbox: Mailbox, id: string) {
  const messages = [...mailbox.labelled(id)]
  const unread = messages.filter(({ labelIds }) => labelIds.has('UNREAD'))
  return {
    messagesTotal: messages.length,
    messagesUnread: unread.length,
    threadsTotal: new Set(messages.map(({ threadId }) => threadId)).size,
    threadsUnread: new Set(unread.map(({ threadId }) => threadId)).size
  }
}
