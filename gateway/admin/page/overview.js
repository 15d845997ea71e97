import * as deeds from './deeds.js'
import { facts } from './dialogs.js'
import { el, setText } from './dom.js'
import { eventTable } from './events.js'
import { count, size, time } from './format.js'
import { Table } from './table.js'

/** @typedef {import('./desk.js').Desk} Desk */

const FEW = 6
const FIGURES = [
  'Calls in flight',
  'Oldest call',
  'Workers',
  'Their memory',
  'Slowest loop',
  'Calls since the start'
]

/** How it goes, at a glance. @param {Desk} desk @returns {import('./views.js').View} */
export function overview(desk) {
  const health = el('div', {}, el('p', { class: 'empty' }, 'Asking whether a worker starts…'))
  const figures = figureList(FIGURES)
  const trouble = el('p', { class: 'said-above', role: 'alert' })
  const longest = longestCalls(desk)
  const most = mostUsed()
  const latest = latestEvents(desk)
  const gate = el('div', { class: 'end' })
  const element = el(
    'div',
    {},
    trouble,
    el(
      'div',
      { class: 'overview' },
      el('div', { class: 'panel wide' }, figures.element),
      panel('Health', health, gate),
      panel('Calls in flight the longest', longest.element),
      panel('Top consumers', most.element),
      el(
        'div',
        { class: 'panel wide' },
        el('header', {}, el('h2', {}, 'Latest events')),
        latest.element
      )
    )
  )
  return {
    element,
    update() {
      trouble.hidden = desk.warning === ''
      setText(trouble, desk.warning)
      const oldest = Math.max(0, ...desk.calls.map((call) => desk.ageOf(call)))
      figures.set([
        count(desk.calls.length),
        desk.calls.length === 0 ? '–' : time(oldest),
        count(desk.workers.length),
        memoryOf(desk.workers),
        `${Math.round(1000 * Math.max(0, ...desk.workers.map((one) => one.eventLoopLagSeconds ?? 0)))} ms`,
        count(desk.top.reduce((sum, { usage }) => sum + usage.calls, 0))
      ])
      longest.update(desk.calls.toSorted((a, b) => desk.ageOf(b) - desk.ageOf(a)).slice(0, FEW))
      most.update(desk.top.slice(0, FEW))
      latest.update(desk.events.slice(0, FEW))
      showHealth(desk, health, gate)
    }
  }
}

/** Not known before the first look at a process. @param {import('./answers.ts').Worker[]} workers */
function memoryOf(workers) {
  const known = workers.map(({ rssBytes }) => rssBytes).filter((bytes) => bytes !== null)
  return known.length === 0 ? '–' : size(known.reduce((sum, bytes) => sum + bytes, 0))
}

/** @param {string} title @param {Node} content @param {Node} [end] */
const panel = (title, content, end) =>
  el('div', { class: 'panel' }, el('header', {}, el('h2', {}, title), end ?? null), content)

/** @param {string[]} names */
function figureList(names) {
  const values = names.map(() => el('dd', {}, '–'))
  return {
    element: el(
      'dl',
      { class: 'figures' },
      ...names.map((name, i) => el('div', {}, el('dt', {}, name), values[i] ?? null))
    ),
    /** @param {string[]} texts */
    set(texts) {
      for (const [i, text] of texts.entries()) {
        const value = values[i]
        if (value) setText(value, text)
      }
    }
  }
}

/** @param {Desk} desk @returns {Table<import('./answers.ts').Call>} */
const longestCalls = (desk) =>
  new Table({
    caption: 'Calls in flight the longest',
    key: (call) => call.call,
    empty: 'No call is in flight.',
    sortBy: 1,
    descending: true,
    columns: [
      { label: 'Tool', value: (call) => call.tool ?? call.method },
      {
        label: 'Age',
        num: true,
        value: (call) => desk.ageOf(call),
        text: (call) => time(desk.ageOf(call))
      },
      { label: 'Person', value: (call) => call.email ?? call.userId, wrap: true }
    ],
    verbs: desk.mayChange
      ? [
          {
            label: () => 'End…',
            name: (call) => `the call of ${call.email ?? call.userId}`,
            act: (call) => deeds.endCall(desk, call)
          }
        ]
      : []
  })

/** @returns {Table<import('./answers.ts').Consumer>} */
const mostUsed = () =>
  new Table({
    caption: 'Top consumers',
    key: (row) => row.id,
    empty: 'Nobody has used anything since the gateways started.',
    sortBy: 1,
    descending: true,
    columns: [
      { label: 'Person', value: (row) => row.email ?? row.id, wrap: true },
      {
        label: 'Processor',
        num: true,
        value: (row) => row.usage.cpuSeconds,
        text: (row) => time(row.usage.cpuSeconds)
      },
      {
        label: 'Calls',
        num: true,
        value: (row) => row.usage.calls,
        text: (row) => count(row.usage.calls)
      }
    ]
  })

/** @param {Desk} desk @returns {Table<import('./desk.js').Heard>} */
const latestEvents = (desk) => new Table({ caption: 'Latest events', ...eventTable(desk) })

/** @type {Record<string, string>} */
const CHECKS = {
  store: 'Store',
  keys: 'Keys',
  worker: 'A worker starts',
  accepting: 'Takes calls'
}

/** @type {WeakMap<Node, string>} */
const drawn = new WeakMap()

/** @param {Desk} desk @param {HTMLElement} place @param {HTMLElement} gate */
function showHealth(desk, place, gate) {
  const { report, nodes } = desk
  const seen = JSON.stringify([report, nodes])
  if (report === null || drawn.get(place) === seen) return
  drawn.set(place, seen)
  const { checks, isolation, warnings = [], node } = report
  const missing = isolation?.missing ?? []
  place.replaceChildren(
    facts([
      ...Object.entries(checks).map(([name, said]) => fact(CHECKS[name] ?? name, check(said))),
      fact('Walls', isolation && wallsOf(isolation.mode, missing)),
      fact('Node', node && nodeOf(node)),
      fact('Gateways', nodes.length > 1 && listOf(nodes.map(gatewayText))),
      fact('Warnings', warnings.length > 0 && listOf(warnings))
    ])
  )
  gate.hidden = !desk.mayChange
  if (desk.mayChange) gate.replaceChildren(...gateButtons(desk, checks.accepting === 'ok'))
}

/** @param {Desk} desk @param {boolean} isOpen */
const gateButtons = (desk, isOpen) => [
  el('button', { type: 'button', onclick: () => deeds.reload(desk) }, 'Reload…'),
  ' ',
  isOpen
    ? el('button', { type: 'button', class: 'danger', onclick: () => deeds.drain(desk) }, 'Drain…')
    : el(
        'button',
        { type: 'button', class: 'primary', onclick: () => deeds.undrain(desk) },
        'Undrain…'
      )
]

/** @param {string} name @param {import('./dom.js').Child} value @returns {[string, import('./dom.js').Child]} */
const fact = (name, value) => [name, value || null]

/** @param {import('./answers.ts').GatewayNode} one */
const gatewayText = ({ node, isAsked, isReached, workers, workerLimit }) =>
  isReached
    ? `${node}${isAsked ? ' (this one)' : ''}: ${workers} of ${workerLimit} workers`
    : `${node}: not reached`

/** @param {string} said */
const nodeOf = (said) =>
  said === 'ok' ? badge('good', 'ok') : el('span', {}, badge('warn', 'old'), ` ${said}`)

/** @param {readonly string[]} all */
const listOf = (all) => el('ul', {}, ...all.map((one) => el('li', {}, one)))

/** @param {'good' | 'warn' | 'bad'} look @param {string} text */
const badge = (look, text) => el('span', { class: `badge ${look}` }, text)

/** @param {string} said */
const check = (said) =>
  said === 'ok' ? badge('good', 'ok') : el('span', {}, badge('bad', 'no'), ` ${said}`)

/** @param {string} mode @param {readonly string[]} missing */
function wallsOf(mode, missing) {
  const look = mode === 'none' ? 'bad' : missing.length > 0 ? 'warn' : 'good'
  return el('span', {}, badge(look, mode), missing.length > 0 && listOf(missing))
}
