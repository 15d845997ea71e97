import { clockTime } from './format.js'
import { tableView } from './table-view.js'
import { eventText } from './words.js'

/** @typedef {import('./desk.js').Desk} Desk */
/** @typedef {import('./desk.js').Heard} Heard */

/**
 * What an event shows in a table, the newest first.
 * @param {Desk} desk
 * @returns {Omit<import('./table.js').TableParts<Heard>, 'caption'>}
 */
export const eventTable = (desk) => ({
  key: (event) => String(event.n),
  empty: 'Nothing has happened since this page was opened.',
  sortBy: 0,
  descending: true,
  columns: [
    { label: 'Time', value: (event) => event.n, text: (event) => clockTime(event.at) },
    { label: 'Event', value: (event) => event.type.replaceAll('_', ' ') },
    { label: 'What', wrap: true, value: (event) => eventText(desk, event) }
  ]
})

/** @param {Desk} desk */
export const events = (desk) =>
  tableView(desk, {
    title: 'Live events',
    noun: ['event'],
    rows: () => desk.events,
    table: { caption: 'Events since this page was opened', ...eventTable(desk) }
  })
