import { el } from './dom.js'
import { plural, time } from './format.js'
import * as verbs from './verbs.js'

/** @typedef {import('./desk.js').Desk} Desk */
/** @typedef {import('./answers.ts').Call} Call */
/** @typedef {import('./answers.ts').Person} Person */
/** @typedef {import('./answers.ts').PersonLine} PersonLine */

/** @param {number} n */
const inFlight = (n) => (n === 0 ? '' : `, with ${plural(n, 'call')} in flight`)

/** @param {Desk} desk @param {Call} call */
export const endCall = (desk, call) =>
  desk.offer({
    title: `End this call of ${call.email ?? call.userId}?`,
    button: 'End the call',
    facts: [
      ['Tool', call.tool ?? call.method],
      ['In flight for', time(desk.ageOf(call))],
      ['Client', call.clientName ?? call.client],
      ['Session', call.session],
      ['Worker', call.worker]
    ],
    consequence: 'Its client gets an error at once. The worker and the session stay.',
    asked: () => verbs.killCalls({ call: call.call }),
    done: ({ ended }) =>
      ended.length === 0 ? 'The call had ended by itself.' : `Ended: ${desk.describeCall(call)}.`,
    after: ['calls', 'workers']
  })

/** @param {Desk} desk @param {number} seconds */
export function endOldCalls(desk, seconds) {
  const old = desk.calls.filter((call) => desk.ageOf(call) >= seconds)
  desk.offer({
    title: `End every call older than ${time(seconds)}?`,
    button: 'End them',
    facts: [
      ['Now these', old.length === 0 ? 'none' : listOf(old.map((call) => desk.describeCall(call)))]
    ],
    consequence: 'Each client gets an error at once. Workers and sessions stay.',
    asked: () => verbs.killCalls({ olderThan: seconds }),
    done: ({ ended }) => `Ended: ${plural(ended.length, 'call')}.`,
    after: ['calls', 'workers']
  })
}

const MOST_NAMED = 12

/** @param {string[]} all */
const listOf = (all) =>
  el(
    'ul',
    {},
    ...all.slice(0, MOST_NAMED).map((one) => el('li', {}, one)),
    all.length > MOST_NAMED && el('li', {}, `and ${all.length - MOST_NAMED} more`)
  )

/** @param {Desk} desk @param {import('./answers.ts').Session} session */
export const endSession = (desk, session) =>
  desk.offer({
    title: `End this session of ${session.email ?? session.userId}?`,
    button: 'End the session',
    facts: [
      ['Session', session.handle],
      ['Client', `${session.client.name} ${session.client.version}`],
      ['In flight', plural(session.inFlight, 'call')],
      ['Streams', String(session.streams)]
    ],
    consequence:
      'Its id never works again; the client has to open a new session. The worker stays.',
    asked: () => verbs.endSession(session.handle),
    done: (answer) => `Session ${session.handle} ended${inFlight(answer.inFlight.length)}.`,
    after: ['sessions', 'calls']
  })

/** @param {Desk} desk @param {import('./answers.ts').Worker} worker */
export const stopWorker = (desk, worker) =>
  desk.offer({
    title: `Stop worker ${worker.id}?`,
    button: 'Stop the worker',
    facts: [
      ['Person', worker.email ?? worker.userId ?? 'nobody yet'],
      ['Process', worker.pid === null ? null : String(worker.pid)],
      ['In flight', plural(worker.inFlight, 'call')],
      ['Sessions', `${worker.sessions}, which stay`]
    ],
    choice: {
      name: 'When',
      options: [
        ['drain', 'After its calls, DRAIN_TIMEOUT at most'],
        ['now', 'Now: its calls get an error']
      ]
    },
    consequence: 'The person’s next call starts another one.',
    asked: (mode) => verbs.stopWorker(worker.id, mode),
    done: (answer) =>
      `Worker ${worker.id} is gone: its process has ended${inFlight(answer.inFlight.length)}.`,
    after: ['workers', 'calls', 'sessions']
  })

/** @param {Desk} desk */
export const recycle = (desk) =>
  desk.offer({
    title: 'Replace all workers, one after the other?',
    button: 'Replace them',
    facts: [['Workers', String(desk.workers.length)]],
    consequence: 'Each goes when it has no call. Nobody loses a session.',
    asked: verbs.recycleWorkers,
    done: ({ recycling }) => `${plural(recycling.length, 'worker')} to go.`,
    after: ['workers']
  })

/** @param {Person | PersonLine} user */
const who = (user) => user.email ?? user.id

/** @param {Desk} desk @param {Person | PersonLine} user */
export const block = (desk, user) =>
  desk.offer({
    title: `Block ${who(user)}?`,
    button: 'Block',
    facts: factsOf(user),
    consequence:
      'No call, stream, refresh or link works any more. Sessions and tokens stay for an unblock.',
    asked: () => verbs.blockUser(user.id),
    done: () => `${who(user)} is blocked; no worker is left.`,
    after: ['users', 'calls', 'workers']
  })

/** @param {Desk} desk @param {Person | PersonLine} user */
export const unblock = (desk, user) =>
  desk.offer({
    title: `Unblock ${who(user)}?`,
    button: 'Unblock',
    isHarmless: true,
    facts: factsOf(user),
    consequence: 'What this person had works again.',
    asked: () => verbs.unblockUser(user.id),
    done: () => `${who(user)} is unblocked.`,
    after: ['users']
  })

/** @param {Desk} desk @param {Person | PersonLine} user */
export const endSessions = (desk, user) =>
  desk.offer({
    title: `End all sessions of ${who(user)}?`,
    button: 'End them all',
    facts: factsOf(user),
    consequence:
      'Calls in them get an error. Clients may open new sessions: to keep them out, block.',
    asked: () => verbs.endUserSessions(user.id),
    done: ({ ended }) => `${plural(ended.length, 'session')} of ${who(user)} ended.`,
    after: ['users', 'sessions', 'calls']
  })

/** @param {Desk} desk @param {Person | PersonLine} user */
export const erase = (desk, user) =>
  desk.offer({
    title: `Erase ${who(user)}?`,
    button: 'Erase for good',
    typed: who(user),
    facts: factsOf(user),
    consequence:
      'Access at Google is revoked; sessions, tokens, clients and every row go. Nothing brings them back.',
    asked: () => verbs.eraseUser(user.id),
    done: ({ revokedAtGoogle }) =>
      `${who(user)} is erased${revokedAtGoogle ? '' : '; Google could not be reached, so revoke the access in the Google account'}.`,
    after: ['users', 'sessions', 'calls', 'workers']
  })

/** @param {Desk} desk @param {Person | PersonLine} user @param {Person['clients'][number]} client */
export const revokeClient = (desk, user, client) =>
  desk.offer({
    title: `Disconnect ${client.name} of ${who(user)}?`,
    button: 'Disconnect',
    facts: [
      ['Client', client.name],
      ['From', client.place]
    ],
    consequence: 'Its tokens stop and its sessions end. The person may let it in again.',
    asked: () => verbs.revokeClient(user.id, client.clientId),
    done: () => `${client.name} of ${who(user)} is disconnected.`,
    after: ['users', 'sessions']
  })

/** @param {Desk} desk @param {Person | PersonLine} user @param {Person['tokens'][number]} token */
export const revokeToken = (desk, user, token) =>
  desk.offer({
    title: `Revoke the token ${token.name} of ${who(user)}?`,
    button: 'Revoke',
    facts: [
      ['Token', token.name],
      ['Level', token.level]
    ],
    consequence: 'Whoever uses it gets 401 at once.',
    asked: () => verbs.revokeToken(user.id, token.id),
    done: () => `The token ${token.name} of ${who(user)} is revoked.`,
    after: ['users']
  })

/** @param {Person | PersonLine} user @returns {import('./dialogs.js').Facts} */
const factsOf = (user) => [
  ['Person', who(user)],
  ['Google’s id', user.id],
  ['Sessions', String(Array.isArray(user.sessions) ? user.sessions.length : user.sessions)],
  ['Worker', user.worker && `${user.worker.id}${inFlight(user.worker.inFlight)}`]
]

/** @param {Desk} desk */
export const drain = (desk) =>
  desk.offer({
    title: 'Drain this gateway?',
    button: 'Drain',
    facts: [
      ['In flight', plural(desk.calls.length, 'call')],
      ['Workers', String(desk.workers.length)]
    ],
    consequence:
      'New calls get 503 with Retry-After, and /ready says 503, until it is undrained. What runs goes on.',
    asked: verbs.drain,
    done: () => 'The gateway takes no new calls.',
    after: ['report']
  })

/** @param {Desk} desk */
export const undrain = (desk) =>
  desk.offer({
    title: 'Take calls again?',
    button: 'Undrain',
    isHarmless: true,
    facts: [],
    consequence: 'New calls are served, and /ready says 200 when all is well.',
    asked: verbs.undrain,
    done: () => 'The gateway takes calls.',
    after: ['report']
  })

/** @param {Desk} desk */
export const reload = (desk) =>
  desk.offer({
    title: 'Read the settings’ files again?',
    button: 'Reload',
    isHarmless: true,
    facts: [],
    consequence:
      'Allow lists, operators and log level. Whoever is no longer allowed has everything ended; when anything is wrong everything stays as it was.',
    asked: verbs.reload,
    done: ({ putOut }) => `Reloaded; ${plural(putOut, 'person', 'people')} put out.`,
    after: ['report', 'users']
  })
