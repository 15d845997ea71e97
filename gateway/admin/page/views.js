import { audit } from './audit.js'
import { calls } from './calls.js'
import { events } from './events.js'
import { overview } from './overview.js'
import { people } from './people.js'
import { sessions } from './sessions.js'
import { top } from './top.js'
import { workers } from './workers.js'

/** @typedef {import('./desk.js').Desk} Desk */
/**
 * @typedef {object} View
 * @property {HTMLElement} element
 * @property {() => void} update
 */
/**
 * @typedef {object} ViewKind
 * @property {string} name in the address
 * @property {string} title
 * @property {readonly import('./desk.js').Part[]} needs
 * @property {readonly import('./desk.js').Part[]} [once] what it needs to name people, when it is opened
 * @property {number} everyMs how often it is brought up to date
 * @property {(desk: Desk) => number} [badge]
 * @property {(desk: Desk) => View} open
 */

/** Every view, in the order of the navigation. @type {readonly ViewKind[]} */
export const VIEWS = [
  {
    name: 'overview',
    title: 'Overview',
    needs: ['report', 'nodes', 'calls', 'workers', 'top'],
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
