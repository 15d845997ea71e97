import * as deeds from './deeds.js'
import { ago } from './format.js'
import { showUser } from './person.js'
import { tableView } from './table-view.js'

/** @typedef {import('./desk.js').Desk} Desk */

/** @param {Desk} desk */
export const people = (desk) =>
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

/** @param {import('./answers.ts').PersonLine} user */
const stateOf = ({ state, isAllowed }) =>
  state === 'needs_reauth' ? 'has to sign in' : isAllowed ? state : `${state}, not allowed`
