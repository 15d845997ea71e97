import * as deeds from './deeds.js'
import { danger, facts, show } from './dialogs.js'
import { ago, count, fullTime } from './format.js'
import { tableView } from './table-view.js'

/** @typedef {import('./desk.js').Desk} Desk */

/** @param {Desk} desk */
export const sessions = (desk) =>
  tableView(desk, {
    title: 'Sessions',
    noun: ['session'],
    part: 'sessions',
    rows: () => desk.sessions,
    table: {
      caption: 'Sessions',
      key: (session) => session.handle,
      empty: 'There is no session. Clients of 2026-07-28 have none: see People and Calls.',
      sortBy: 3,
      descending: true,
      columns: [
        {
          label: 'Person',
          value: (one) => one.email ?? one.userId,
          open: (one) => showSession(desk, one)
        },
        { label: 'Client', value: (one) => one.client.name, wrap: true },
        { label: 'State', value: (one) => one.state, priority: 2 },
        {
          label: 'Last seen',
          value: (one) => Date.parse(one.lastSeenAt),
          text: (one) => ago(one.lastSeenAt, Date.now()),
          num: true,
          priority: 2
        },
        { label: 'Requests', num: true, value: (one) => one.requests, priority: 3 },
        { label: 'In flight', num: true, value: (one) => one.inFlight, priority: 3 },
        { label: 'Streams', num: true, value: (one) => one.streams, priority: 3 },
        { label: 'Handle', mono: true, value: (one) => one.handle, priority: 3 },
        { label: 'Gateway', value: (one) => one.node, priority: 3 }
      ],
      verbs: [
        {
          label: () => 'End…',
          name: (one) => `session ${one.handle} of ${one.email ?? one.userId}`,
          act: (one) => deeds.endSession(desk, one)
        }
      ]
    }
  })

/** @param {Desk} desk @param {import('./answers.ts').Session} one */
const showSession = (desk, one) =>
  show(
    `Session ${one.handle}`,
    facts([
      ['Person', one.email],
      ['Google’s id', one.userId],
      ['Client', `${one.client.name} ${one.client.version}`],
      ['Revision', one.protocolVersion],
      [
        'State',
        one.state === 'live'
          ? `live in ${one.workerId} at ${one.node}`
          : 'hibernated: no worker knows it'
      ],
      ['Opened', fullTime(one.createdAt)],
      ['Last seen', fullTime(one.lastSeenAt)],
      ['Requests', `${count(one.requests)} since the gateways started`],
      ['In flight', String(one.inFlight)],
      ['Streams', String(one.streams)]
    ]),
    desk.mayChange && danger('End the session…', () => deeds.endSession(desk, one))
  )
