import { fullTime } from './format.js'
import { tableView } from './table-view.js'

/** @typedef {import('./desk.js').Desk} Desk */

/** @param {Desk} desk */
export const audit = (desk) =>
  tableView(desk, {
    title: 'Audit',
    noun: ['entry', 'entries'],
    rows: () => desk.audit,
    table: {
      caption: 'The latest 500 entries of the audit',
      key: (entry) => `${entry.at} ${entry.requestId} ${entry.action} ${entry.target}`,
      empty: 'Nobody has changed anything yet.',
      sortBy: 0,
      descending: true,
      columns: [
        { label: 'Time', value: (entry) => entry.at, text: (entry) => fullTime(entry.at) },
        { label: 'Who', value: (entry) => entry.actor, priority: 2, wrap: true },
        { label: 'Did', value: (entry) => entry.action.replaceAll('_', ' ') },
        { label: 'To', value: (entry) => desk.nameOf(entry.target), wrap: true, priority: 2 },
        { label: 'Reason', value: (entry) => entry.reason, wrap: true }
      ]
    }
  })
