import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import * as z from 'zod'
import { GoogleError, invalid, notFound } from '../google-error.ts'
import type { Mailbox } from '../mailbox/mailbox.ts'
import { defineMethod, type GmailMethod } from './method.ts'
import { ANY_OF } from './scopes.ts'

const MAX_FILTERS = 1000

const FilterInput = z.strictObject({
  id: z.string().optional(),
  criteria: z
    .strictObject({
      from: z.string().optional(),
      to: z.string().optional(),
      subject: z.string().optional(),
      query: z.string().optional(),
      negatedQuery: z.string().optional(),
      hasAttachment: z.boolean().optional(),
      excludeChats: z.boolean().optional(),
      size: z.int().optional(),
      sizeComparison: z.enum(['unspecified', 'smaller', 'larger']).optional()
    })
    .default({}),
  action: z
    .strictObject({
      addLabelIds: z.array(z.string()).optional(),
      removeLabelIds: z.array(z.string()).optional(),
      forward: z.string().optional()
    })
    .default({})
})

type Filter = z.infer<typeof FilterInput>

/** Rules for incoming mail. There is no update, as in Gmail. */
export const filterMethods: readonly GmailMethod[] = [
  defineMethod({
    name: 'settings.filters.list',
    verb: 'GET',
    path: 'settings/filters',
    anyOf: ANY_OF.readSettings,
    units: 1,
    serve: ({ mailbox: { filters } }): gmail_v1.Schema$ListFiltersResponse =>
      filters.length > 0 ? { filter: filters } : {}
  }),
  defineMethod({
    name: 'settings.filters.get',
    verb: 'GET',
    path: 'settings/filters/:id',
    anyOf: ANY_OF.readSettings,
    units: 1,
    serve: ({ mailbox, params }) => findFilter(mailbox, params.id)
  }),
  defineMethod({
    name: 'settings.filters.create',
    verb: 'POST',
    path: 'settings/filters',
    anyOf: ANY_OF.settings,
    units: 5,
    body: FilterInput,
    serve({ mailbox, body }) {
      checkFilter(mailbox, body)
      const { criteria, action } = body
      const last = Number(mailbox.filters.at(-1)?.id?.slice(4) ?? 0)
      const filter = {
        id: `ANe1${`${last + 1}`.padStart(12, '0')}`,
        criteria,
        action
      } as gmail_v1.Schema$Filter
      mailbox.filters = [...mailbox.filters, filter]
      mailbox.onChange()
      return filter
    }
  }),
  defineMethod({
    name: 'settings.filters.delete',
    verb: 'DELETE',
    path: 'settings/filters/:id',
    anyOf: ANY_OF.settings,
    units: 5,
    serve({ mailbox, params }) {
      const filter = findFilter(mailbox, params.id)
      mailbox.filters = mailbox.filters.filter((other) => other !== filter)
      mailbox.onChange()
      return undefined
    }
  })
]

function findFilter({ filters }: Mailbox, id: string | undefined): gmail_v1.Schema$Filter {
  const filter = filters.find((other) => other.id === id)
  if (!filter) throw notFound()
  return filter
}

function checkFilter({ filters, labels, settings }: Mailbox, { criteria, action }: Filter): void {
  if (filters.length >= MAX_FILTERS) throw new GoogleError('failedPrecondition', 'Too many filters')
  if (Object.keys(criteria).length === 0) throw invalid('Filter must have criteria')
  const { addLabelIds = [], removeLabelIds = [], forward } = action
  if (addLabelIds.length + removeLabelIds.length === 0 && !forward) {
    throw invalid('Filter must have an action')
  }
  if (addLabelIds.filter((id) => id.startsWith('Label_')).length > 1) {
    throw invalid('Cannot add more than one user label with a filter')
  }
  labels.checkChange(addLabelIds, removeLabelIds)
  const isVerified = settings.forwardingAddresses.some(
    ({ forwardingEmail, verificationStatus }) =>
      forwardingEmail === forward && verificationStatus === 'accepted'
  )
  if (forward && !isVerified)
    throw new GoogleError('failedPrecondition', 'Unrecognized forwarding address')
  const wanted = JSON.stringify([criteria, action])
  if (filters.some((other) => JSON.stringify([other.criteria, other.action]) === wanted)) {
    throw new GoogleError('failedPrecondition', 'Filter already exists')
  }
}
