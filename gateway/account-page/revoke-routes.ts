import type { FastifyPluginAsync } from 'fastify'
import * as z from 'zod'
import type { NoteChange } from '../accounts/account-change.ts'
import type { ConnectedClients } from '../oauth/connected-clients.ts'
import type { AccountSessions } from '../sessions/owned-sessions.ts'
import { ACCOUNT_PATH } from '../sign-in/confirmations.ts'
import type { SignedInForm } from './signed-in-form.ts'

export interface EndingParts {
  readonly act: SignedInForm
  readonly clients: ConnectedClients
  readonly sessions: AccountSessions
  readonly note: NoteChange
}

const Handle = z.object({ handle: z.string().max(200) })
const Client = z.object({ client: z.string().max(2000) })

/** The buttons that end a client's access or one session. */
export const endingRoutes: FastifyPluginAsync<EndingParts> = async (scope, parts) => {
  const { act, clients, sessions, note } = parts

  scope.post(
    `${ACCOUNT_PATH}/clients/revoke`,
    act(async ({ userId }, request) => {
      const { client } = Client.parse(request.body)
      const isConnected = (await clients.list(userId)).some(({ clientId }) => clientId === client)
      if (isConnected) {
        await note({ userId, action: 'disconnect_client', target: client, requestId: request.id })
      }
      await clients.revoke(userId, client)
      for (const { handle, clientId } of await sessions.list(userId)) {
        if (clientId === client) await sessions.end(handle)
      }
    })
  )

  scope.post(
    `${ACCOUNT_PATH}/sessions/end`,
    act(async ({ userId }, request) => {
      const { handle } = Handle.parse(request.body)
      const own = (await sessions.list(userId)).some((listed) => listed.handle === handle)
      if (!own) return
      await note({ userId, action: 'end_session', target: handle, requestId: request.id })
      await sessions.end(handle)
    })
  )
}
