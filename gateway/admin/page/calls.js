import * as deeds from './deeds.js'
import { danger, facts, show } from './dialogs.js'
import { el } from './dom.js'
import { fullTime, time } from './format.js'
import { tableView } from './table-view.js'

/** @typedef {import('./desk.js').Desk} Desk */

const SLOW_S = 30
const STUCK_S = 120

/** @param {number} seconds */
const lateness = (seconds) => (seconds >= STUCK_S ? 'very-late' : seconds >= SLOW_S ? 'late' : '')

/** @param {Desk} desk */
export function calls(desk) {
  const seconds = el('input', {
    type: 'number',
    min: 0,
    step: 'any',
    required: true,
    value: STUCK_S,
    'aria-label': 'Seconds in flight'
  })
  const endOld = el(
    'button',
    {
      type: 'button',
      class: 'danger',
      onclick: () => {
        if (seconds.reportValidity()) deeds.endOldCalls(desk, seconds.valueAsNumber) // an empty field is not 0
      }
    },
    'End all that are older…'
  )
  return tableView(desk, {
    title: 'Calls in flight',
    noun: ['call'],
    rows: () => desk.calls,
    tools: [seconds, el('span', { class: 'soft' }, 's'), endOld],
    table: {
      caption: 'Calls in flight',
      key: (call) => call.call,
      empty: 'No call is in flight.',
      sortBy: 1,
      descending: true,
      columns: [
        {
          label: 'Tool',
          value: (call) => call.tool ?? call.method,
          open: (call) => showCall(desk, call)
        },
        {
          label: 'Age',
          num: true,
          value: (call) => desk.ageOf(call),
          text: (call) => time(desk.ageOf(call)),
          look: (call) => lateness(desk.ageOf(call))
        },
        { label: 'Person', value: (call) => call.email ?? call.userId, wrap: true },
        { label: 'Client', value: (call) => call.clientName ?? call.client, priority: 2 },
        { label: 'Session', mono: true, value: (call) => call.session, priority: 3 },
        { label: 'Worker', mono: true, value: (call) => call.worker, priority: 3 },
        { label: 'Gateway', value: (call) => call.node, priority: 3 }
      ],
      verbs: [
        {
          label: () => 'End…',
          name: (call) => `the call of ${call.email ?? call.userId}`,
          act: (call) => deeds.endCall(desk, call)
        }
      ]
    }
  })
}

/** @param {Desk} desk @param {import('./answers.ts').Call} call */
const showCall = (desk, call) =>
  show(
    `Call of ${call.tool ?? call.method ?? 'something not said yet'}`,
    facts([
      ['Person', call.email],
      ['Google’s id', call.userId],
      ['Tool', call.tool],
      ['Method', call.method],
      ['In flight for', time(desk.ageOf(call))],
      ['Since', fullTime(call.startedAt)],
      ['Messages', String(call.messages)],
      ['Client', call.clientName],
      ['Client’s id', call.client],
      ['Session', call.session],
      ['Worker', call.worker],
      ['Gateway', call.node],
      ['Call', call.call]
    ]),
    desk.mayChange && danger('End the call…', () => deeds.endCall(desk, call))
  )
