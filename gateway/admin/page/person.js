import { Refusal } from './api.js'
import * as deeds from './deeds.js'
import { facts, show } from './dialogs.js'
import { el } from './dom.js'
import { ago, count, fullTime, size, time } from './format.js'
import * as verbs from './verbs.js'

/** @typedef {import('./desk.js').Desk} Desk */

/** Everything of one person, with what can be done. Never rejects. @param {Desk} desk @param {{ id: string, email: string | null }} row */
export async function showUser(desk, row) {
  const title = row.email ?? row.id
  try {
    const user = await desk.api.ask(verbs.getUser(row.id))
    show(title, ...content(desk, user))
  } catch (error) {
    show(
      title,
      el('p', { class: 'refused' }, error instanceof Refusal ? error.message : 'It failed.')
    )
  }
}

/** @param {Desk} desk @param {import('./answers.ts').Person} user */
function content(desk, user) {
  const { usage } = user
  const now = Date.now()
  const { mayChange } = desk
  /** @param {string} label @param {() => void} act @param {string} [look] */
  const button = (label, act, look = '') =>
    el('button', { type: 'button', class: look, onclick: act }, label)
  return [
    facts([
      ['Google’s id', user.id],
      ['State', user.isAllowed ? user.state : `${user.state}; the allow lists do not name them`],
      ['Grant', user.grant === 'ok' ? 'stored' : 'none: has to sign in again'],
      ['Level', user.level],
      ['Domain', user.hd],
      ['Here since', fullTime(user.createdAt)],
      ['Last seen', ago(user.lastSeenAt, now)],
      ['Worker', user.worker && `${user.worker.id}, ${user.worker.phase}, at ${user.worker.node}`],
      ['Calls', `${count(usage.calls)} since the gateways started`],
      ['Processor', time(usage.cpuSeconds)],
      ['Bytes', `${size(usage.bytesIn)} in, ${size(usage.bytesOut)} out`],
      ['Gmail quota', `${count(usage.quotaUnits)} units`]
    ]),
    ...things('Sessions', user.sessions, (one) => [
      `${one.client}, ${one.handle}, seen ${ago(one.lastSeenAt, now)}`
    ]),
    ...things('Applications', user.clients, (one) => [
      `${one.name} (${one.place}), ${one.level ?? 'no level'}, used ${ago(one.lastUsedAt, now)}`,
      mayChange && button('Disconnect…', () => deeds.revokeClient(desk, user, one), 'danger')
    ]),
    ...things('Personal tokens', user.tokens, (one) => [
      `${one.name}, ${one.level}, until ${fullTime(one.expiresAt)}, used ${ago(one.lastUsedAt, now)}`,
      mayChange && button('Revoke…', () => deeds.revokeToken(desk, user, one), 'danger')
    ]),
    mayChange &&
      el(
        'div',
        { class: 'buttons' },
        button('End all sessions…', () => deeds.endSessions(desk, user), 'danger'),
        user.state === 'blocked'
          ? button('Unblock…', () => deeds.unblock(desk, user))
          : button('Block…', () => deeds.block(desk, user), 'danger'),
        button('Erase…', () => deeds.erase(desk, user), 'danger')
      )
  ]
}

/** @template Thing @param {string} title @param {readonly Thing[]} all @param {(one: Thing) => import('./dom.js').Child[]} tell */
const things = (title, all, tell) => [
  el('h3', {}, `${title} (${all.length})`),
  all.length > 0 &&
    el(
      'ul',
      { class: 'things' },
      ...all.map((one) => {
        const [text, ...rest] = tell(one)
        return el('li', {}, el('span', {}, text), ...rest)
      })
    )
]
