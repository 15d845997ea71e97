/** What this page asks of the gateway: each verb under its id, with the type of what it answers. */

const part = encodeURIComponent

/** @typedef {import('./answers.ts').Answers} Answers */
/** @template Answer @typedef {import('./answers.ts').Asked<Answer>} Asked */

/**
 * One page of a list.
 * @param {string} path @param {string | undefined} cursor where the page before ended
 */
const paged = (path, cursor) =>
  `${path}?${new URLSearchParams({ limit: '500', ...(cursor && { cursor }) })}`

/** @returns {Asked<Answers['whoAmI']>} */
export const whoAmI = () => ({ method: 'GET', path: '/admin/me' })

/** @returns {Asked<Answers['listCalls']>} */
export const listCalls = () => ({ method: 'GET', path: '/admin/calls' })

/** @param {{ call: string } | { olderThan: number }} which @returns {Asked<Answers['killCalls']>} */
export const killCalls = (which) => ({
  method: 'DELETE',
  path: `/admin/calls?${'call' in which ? `call=${part(which.call)}` : `olderThan=${which.olderThan}`}`
})

/** @param {string} [cursor] @returns {Asked<Answers['listSessions']>} */
export const listSessions = (cursor) => ({ method: 'GET', path: paged('/admin/sessions', cursor) })

/** @param {string} handle @returns {Asked<Answers['endSession']>} */
export const endSession = (handle) => ({
  method: 'DELETE',
  path: `/admin/sessions/${part(handle)}`
})

/** @returns {Asked<Answers['listWorkers']>} */
export const listWorkers = () => ({ method: 'GET', path: '/admin/workers' })

/** @param {string} id @param {string} mode `drain` or `now` @returns {Asked<Answers['stopWorker']>} */
export const stopWorker = (id, mode) => ({
  method: 'DELETE',
  path: `/admin/workers/${part(id)}?mode=${part(mode)}`
})

/** @returns {Asked<Answers['recycleWorkers']>} */
export const recycleWorkers = () => ({ method: 'POST', path: '/admin/recycle' })

/** @param {string} [cursor] @returns {Asked<Answers['listUsers']>} */
export const listUsers = (cursor) => ({ method: 'GET', path: paged('/admin/users', cursor) })

/** @param {string} id @returns {Asked<Answers['getUser']>} */
export const getUser = (id) => ({ method: 'GET', path: `/admin/users/${part(id)}` })

/** @returns {Asked<Answers['topUsers']>} */
export const topUsers = () => ({ method: 'GET', path: '/admin/top?limit=200' })

/** @param {string} id @returns {Asked<Answers['endUserSessions']>} */
export const endUserSessions = (id) => ({
  method: 'DELETE',
  path: `/admin/users/${part(id)}/sessions`
})

/** @param {string} id @returns {Asked<Answers['blockUser']>} */
export const blockUser = (id) => ({ method: 'POST', path: `/admin/users/${part(id)}/block` })

/** @param {string} id @returns {Asked<Answers['unblockUser']>} */
export const unblockUser = (id) => ({ method: 'POST', path: `/admin/users/${part(id)}/unblock` })

/** @param {string} id @param {string} client @returns {Asked<Answers['revokeClient']>} */
export const revokeClient = (id, client) => ({
  method: 'DELETE',
  path: `/admin/users/${part(id)}/clients/${part(client)}`
})

/** @param {string} id @param {string} token @returns {Asked<Answers['revokeToken']>} */
export const revokeToken = (id, token) => ({
  method: 'DELETE',
  path: `/admin/users/${part(id)}/tokens/${part(token)}`
})

/** @param {string} id @returns {Asked<Answers['eraseUser']>} */
export const eraseUser = (id) => ({ method: 'DELETE', path: `/admin/users/${part(id)}` })

/** @returns {Asked<Answers['listNodes']>} */
export const listNodes = () => ({ method: 'GET', path: '/admin/nodes' })

/** @returns {Asked<Answers['drain']>} */
export const drain = () => ({ method: 'POST', path: '/admin/drain' })

/** @returns {Asked<Answers['undrain']>} */
export const undrain = () => ({ method: 'POST', path: '/admin/undrain' })

/** @returns {Asked<Answers['reload']>} */
export const reload = () => ({ method: 'POST', path: '/admin/reload' })

/** @returns {Asked<Answers['listAudit']>} */
export const listAudit = () => ({ method: 'GET', path: '/admin/audit?limit=500' })

/** @returns {Asked<Answers['streamEvents']>} */
export const streamEvents = () => ({ method: 'GET', path: '/admin/events' })
