import * as deeds from './deeds.js'
import { danger, facts, show } from './dialogs.js'
import { el } from './dom.js'
import { ago, count, fullTime, size, time } from './format.js'
import { tableView } from './table-view.js'

/** @typedef {import('./desk.js').Desk} Desk */
/** @typedef {import('./answers.ts').Worker} Worker */

/** @param {Desk} desk */
export const workers = (desk) =>
  tableView(desk, {
    title: 'Workers',
    noun: ['worker'],
    rows: () => desk.workers,
    tools: [el('button', { type: 'button', onclick: () => deeds.recycle(desk) }, 'Replace all…')],
    table: {
      caption: 'Workers',
      key: (worker) => worker.id,
      empty: 'No worker runs. One starts with somebody’s next call.',
      columns: [
        {
          label: 'Person',
          value: (one) => one.email ?? one.userId ?? 'nobody yet',
          open: (one) => showWorker(desk, one)
        },
        { label: 'Phase', value: (one) => one.phase },
        { label: 'In flight', num: true, value: (one) => one.inFlight, priority: 2 },
        { label: 'Sessions', num: true, value: (one) => one.sessions, priority: 3 },
        {
          label: 'Memory',
          num: true,
          value: (one) => one.rssBytes,
          text: (one) => size(one.rssBytes),
          priority: 2
        },
        {
          label: 'Processor',
          num: true,
          value: (one) => one.cpuSeconds,
          text: (one) => time(one.cpuSeconds),
          priority: 3
        },
        { label: 'Requests', num: true, value: (one) => one.requests, priority: 3 },
        {
          label: 'Started',
          num: true,
          value: (one) => Date.parse(one.startedAt),
          text: (one) => ago(one.startedAt, Date.now()),
          priority: 3
        },
        { label: 'Process', num: true, value: (one) => one.pid, text: pidOf, priority: 3 },
        { label: 'Worker', mono: true, value: (one) => one.id, priority: 3 },
        { label: 'Gateway', value: (one) => one.node, priority: 3 }
      ],
      verbs: [
        {
          label: () => 'Stop…',
          name: (one) => `worker ${one.id}`,
          act: (one) => deeds.stopWorker(desk, one)
        }
      ]
    }
  })

/** @param {Worker} worker */
const pidOf = ({ pid }) => (pid === null ? '–' : String(pid))

/** @param {Desk} desk @param {Worker} one */
const showWorker = (desk, one) =>
  show(
    `Worker ${one.id}`,
    facts([
      ['Person', one.email ?? one.userId ?? 'nobody yet: it waits in the warm pool'],
      ['Phase', one.phase],
      ['Gateway', one.node],
      ['Process', pidOf(one)],
      ['In flight', String(one.inFlight)],
      ['Sessions', String(one.sessions)],
      ['Requests', count(one.requests)],
      ['Memory', size(one.rssBytes)],
      ['Processor', time(one.cpuSeconds)],
      [
        'Loop’s lag',
        one.eventLoopLagSeconds === null
          ? null
          : `${(one.eventLoopLagSeconds * 1000).toFixed(1)} ms`
      ],
      ['Started', fullTime(one.startedAt)],
      ['Last call', one.lastCallAt && fullTime(one.lastCallAt)],
      ['Version', one.version]
    ]),
    desk.mayChange && danger('Stop the worker…', () => deeds.stopWorker(desk, one))
  )
