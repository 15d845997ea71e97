import { count, size, time } from './format.js'
import { showUser } from './person.js'
import { tableView } from './table-view.js'

/** @typedef {import('./desk.js').Desk} Desk */
/** @typedef {import('./answers.ts').Consumer} Consumer */
/** @typedef {Consumer['usage']} Usage */

/** @param {Desk} desk */
export function top(desk) {
  /** @param {(usage: Usage) => number} of @returns {(row: Consumer) => number} */
  const shareOf = (of) => (row) => {
    const most = Math.max(...desk.top.map(({ usage }) => of(usage)))
    return most === 0 ? 0 : of(row.usage) / most
  }
  /**
   * @param {string} label @param {(usage: Usage) => number} of @param {(n: number) => string} text
   * @param {2 | 3} [priority] @returns {import('./table.js').Column<Consumer>}
   */
  const figure = (label, of, text, priority) => ({
    label,
    num: true,
    value: (row) => of(row.usage),
    text: (row) => text(of(row.usage)),
    share: shareOf(of),
    ...(priority && { priority })
  })
  return tableView(desk, {
    title: 'Top consumers',
    noun: ['person', 'people'],
    rows: () => desk.top,
    table: {
      caption: 'What people have used since the gateways started',
      key: (row) => row.id,
      empty: 'Nobody has used anything since the gateways started.',
      sortBy: 1,
      descending: true,
      columns: [
        {
          label: 'Person',
          value: (row) => row.email ?? row.id,
          open: (row) => void showUser(desk, row)
        },
        figure('Processor', (usage) => usage.cpuSeconds, time),
        figure('Calls', (usage) => usage.calls, count, 2),
        figure('Gmail quota', (usage) => usage.quotaUnits, count, 2),
        figure('In', (usage) => usage.bytesIn, size, 3),
        figure('Out', (usage) => usage.bytesOut, size, 3)
      ]
    }
  })
}
