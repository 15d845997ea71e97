import * as deeds from './deeds.js'
import { show } from './dialogs.js'
import { el, setText } from './dom.js'
import { ago, clockTime, count, fullTime, plural, size, time } from './format.js'
import { overview } from './overview.js'
import { showUser } from './person.js'
import { Table } from './table.js'
import { eventText } from './words.js'

/** @typedef {import('./desk.js').Desk} Desk */
/** @typedef {import('./desk.js').Part} Part */
/**
 * @typedef {object} View
 * @property {HTMLElement} element
 * @property {() => void} update
 */
/**
 * @typedef {object} ViewKind
 * @property {string} name in the address
 * @property {string} title
 * @property {readonly Part[]} needs
 * @property {readonly Part[]} [once] what it needs to name people, when it is opened
 * @property {number} everyMs how often it is brought up to date
 * @property {(desk: Desk) => number} [badge]
 * @property {(desk: Desk) => View} open
 */

const SLOW_S = 30
const STUCK_S = 120

/** @param {number} seconds */
export const lateness = (seconds) =>
  seconds >= STUCK_S ? 'very-late' : seconds >= SLOW_S ? 'late' : ''

/**
 * A table with a search above it.
 * @param {Desk} desk
 * @param {{ title: string, rows: () => any[], table: import('./table.js').TableParts, tools?: HTMLElement[],
 *   noun: [string, string?], part?: Part }} parts `part` may be cut
 * @returns {View}
 */
function tableView(desk, { title, rows, table: tableParts, tools = [], noun, part }) {
  const table = new Table({ ...tableParts, verbs: desk.mayChange ? (tableParts.verbs ?? []) : [] })
  const search = el('input', {
    type: 'search',
    placeholder: 'Search',
    'aria-label': `Search ${title.toLowerCase()}`,
    oninput: () => {
      table.search(search.value)
      tell()
    }
  })
  const told = el('span', { class: 'count' })
  const trouble = el('p', { class: 'said-above', role: 'alert' })
  const cut = el('p', { class: 'said-above note', role: 'status' })
  const tell = () => {
    const all = rows().length
    const shown = table.shown
    setText(
      told,
      shown === all ? plural(all, ...noun) : `${count(shown)} of ${plural(all, ...noun)}`
    )
  }
  const bar = el('div', { class: 'tools' }, el('h2', {}, title), search, told)
  if (desk.mayChange && tools.length > 0) bar.append(el('div', { class: 'end' }, ...tools))
  return {
    element: el('div', { class: 'view' }, bar, trouble, cut, table.element),
    update() {
      trouble.hidden = desk.trouble === ''
      setText(trouble, desk.trouble)
      const isCut = part !== undefined && desk.cut.has(part)
      cut.hidden = !isCut
      const some = plural(rows().length, ...noun)
      setText(
        cut,
        isCut
          ? `There are more than these ${some}: search and order are among them alone. npm run admin -- ${part} chooses among all.`
          : ''
      )
      table.update(rows())
      tell()
    }
  }
}

/** @param {Desk} desk */
function calls(desk) {
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
        { label: 'Worker', mono: true, value: (call) => call.worker, priority: 3 }
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

/** @param {Desk} desk @param {any} call */
const showCall = (desk, call) =>
  show(
    `Call of ${call.tool ?? call.method ?? 'something not said yet'}`,
    factList([
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
      ['Call', call.call]
    ]),
    desk.mayChange && danger('End the call…', () => deeds.endCall(desk, call))
  )

/** @param {string} label @param {() => void} act */
export const danger = (label, act) =>
  el('div', {}, el('button', { type: 'button', class: 'danger', onclick: act }, label))

/** @param {[string, string | null | undefined][]} all */
const factList = (all) =>
  el(
    'dl',
    { class: 'facts' },
    ...all
      .filter(([, value]) => value)
      .flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])
  )

/** @param {Desk} desk */
const sessions = (desk) =>
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
        { label: 'Handle', mono: true, value: (one) => one.handle, priority: 3 }
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

/** @param {Desk} desk @param {any} one */
const showSession = (desk, one) =>
  show(
    `Session ${one.handle}`,
    factList([
      ['Person', one.email],
      ['Google’s id', one.userId],
      ['Client', `${one.client.name} ${one.client.version}`],
      ['Revision', one.protocolVersion],
      [
        'State',
        one.state === 'live' ? `live in ${one.workerId}` : 'hibernated: no worker knows it'
      ],
      ['Opened', fullTime(one.createdAt)],
      ['Last seen', fullTime(one.lastSeenAt)],
      ['Requests', `${count(one.requests)} since this gateway started`],
      ['In flight', String(one.inFlight)],
      ['Streams', String(one.streams)]
    ]),
    desk.mayChange && danger('End the session…', () => deeds.endSession(desk, one))
  )

/** @param {Desk} desk */
const people = (desk) =>
  tableView(desk, {
    title: 'People',
    noun: ['person', 'people'],
    part: 'users',
    rows: () => desk.users,
    table: {
      caption: 'People',
      key: (user) => user.id,
      empty: 'Nobody has signed in yet.',
      columns: [
        { label: 'Person', value: (user) => user.email, open: (user) => void showUser(desk, user) },
        {
          label: 'State',
          value: stateOf,
          look: (user) => (stateOf(user) === 'active' ? '' : 'late')
        },
        { label: 'Level', value: (user) => user.level, priority: 2 },
        {
          label: 'Last seen',
          num: true,
          value: (user) => Date.parse(user.lastSeenAt),
          text: (user) => ago(user.lastSeenAt, Date.now()),
          priority: 2
        },
        { label: 'Sessions', num: true, value: (user) => user.sessions, priority: 3 },
        { label: 'Clients', num: true, value: (user) => user.clients, priority: 3 },
        { label: 'Tokens', num: true, value: (user) => user.tokens, priority: 3 },
        { label: 'Calls', num: true, value: (user) => user.usage.calls, priority: 3 },
        {
          label: 'Worker',
          value: (user) => user.worker?.phase ?? null,
          text: (user) => user.worker?.phase ?? '–',
          priority: 3
        }
      ],
      verbs: [
        {
          label: (user) => (user.state === 'blocked' ? 'Unblock…' : 'Block…'),
          name: (user) => user.email,
          act: (user) =>
            user.state === 'blocked' ? deeds.unblock(desk, user) : deeds.block(desk, user)
        }
      ]
    }
  })

/** @param {any} user */
const stateOf = ({ state, isAllowed }) =>
  state === 'needs_reauth' ? 'has to sign in' : isAllowed ? state : `${state}, not allowed`

/** @param {Desk} desk */
const workers = (desk) =>
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
        { label: 'Worker', mono: true, value: (one) => one.id, priority: 3 }
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

/** @param {any} worker */
const pidOf = ({ pid }) => (pid === null ? '–' : String(pid))

/** @param {Desk} desk @param {any} one */
const showWorker = (desk, one) =>
  show(
    `Worker ${one.id}`,
    factList([
      ['Person', one.email ?? one.userId ?? 'nobody yet: it waits in the warm pool'],
      ['Phase', one.phase],
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

/** @param {Desk} desk */
function top(desk) {
  /** @param {(usage: any) => number} of */
  const shareOf = (of) => (/** @type {any} */ row) => {
    const most = Math.max(...desk.top.map(({ usage }) => of(usage)))
    return most === 0 ? 0 : of(row.usage) / most
  }
  /** @param {string} label @param {(usage: any) => number} of @param {(n: number) => string} text @param {2 | 3} [priority] */
  const figure = (label, of, text, priority) => ({
    label,
    num: true,
    value: (/** @type {any} */ row) => of(row.usage),
    text: (/** @type {any} */ row) => text(of(row.usage)),
    share: shareOf(of),
    ...(priority && { priority })
  })
  return tableView(desk, {
    title: 'Top consumers',
    noun: ['person', 'people'],
    rows: () => desk.top,
    table: {
      caption: 'What people have used since this gateway started',
      key: (row) => row.id,
      empty: 'Nobody has used anything since this gateway started.',
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

/** @param {Desk} desk */
const events = (desk) =>
  tableView(desk, {
    title: 'Live events',
    noun: ['event'],
    rows: () => desk.events,
    table: {
      caption: 'Events since this page was opened',
      key: (event) => String(event.n),
      empty: 'Nothing has happened since this page was opened.',
      sortBy: 0,
      descending: true,
      columns: [
        { label: 'Time', value: (event) => event.n, text: (event) => clockTime(event.at) },
        { label: 'Event', value: (event) => event.type.replaceAll('_', ' ') },
        { label: 'What', wrap: true, value: (event) => eventText(desk, event) }
      ]
    }
  })

/** @param {Desk} desk */
const audit = (desk) =>
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

/** Every view, in the order of the navigation. @type {readonly ViewKind[]} */
export const VIEWS = [
  {
    name: 'overview',
    title: 'Overview',
    needs: ['report', 'calls', 'workers', 'top'],
    everyMs: 5000,
    open: overview
  },
  {
    name: 'calls',
    title: 'Calls',
    needs: ['calls'],
    everyMs: 2000,
    badge: (desk) => desk.calls.length,
    open: calls
  },
  { name: 'sessions', title: 'Sessions', needs: ['sessions'], everyMs: 10_000, open: sessions },
  { name: 'people', title: 'People', needs: ['users'], everyMs: 10_000, open: people },
  {
    name: 'workers',
    title: 'Workers',
    needs: ['workers'],
    everyMs: 3000,
    badge: (desk) => desk.workers.length,
    open: workers
  },
  { name: 'top', title: 'Top consumers', needs: ['top'], everyMs: 5000, open: top },
  { name: 'events', title: 'Events', needs: [], once: ['users'], everyMs: 60_000, open: events },
  { name: 'audit', title: 'Audit', needs: ['audit'], once: ['users'], everyMs: 10_000, open: audit }
]
