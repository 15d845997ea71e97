import type { Verb } from '../verb.ts'
import * as calls from './calls.ts'
import * as gateway from './gateway.ts'
import * as sessions from './sessions.ts'
import * as users from './users.ts'
import * as workers from './workers.ts'

/** Everything that an operator can see and do. */
export const VERBS: readonly Verb[] = [
  users.listUsers,
  users.getUser,
  users.topUsers,
  users.endUserSessions,
  users.blockUser,
  users.unblockUser,
  users.revokeClient,
  users.revokeToken,
  users.eraseUser,
  calls.listCalls,
  calls.killCalls,
  sessions.listSessions,
  sessions.getSession,
  sessions.endSession,
  workers.listWorkers,
  workers.getWorker,
  workers.stopWorker,
  workers.recycleWorkers,
  gateway.listNodes,
  gateway.drain,
  gateway.undrain,
  gateway.reload,
  gateway.getConfig,
  gateway.listAudit,
  gateway.streamEvents,
  gateway.whoAmI,
  gateway.describeApi
]
