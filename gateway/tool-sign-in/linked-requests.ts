import type { GoogleResult } from '../sign-in/admit-account.ts'
import type { SignInRequest, SignInRequests } from './sign-in-requests.ts'

/** A sign-in as the pages behind its link have to know it. */
export interface LinkedRequest {
  readonly id: string
  readonly wish: Omit<SignInRequest['wish'], 'owner' | 'isWanted'>
}

/** The part of `SignInRequests` that a browser needs; the gateway that began the sign-in may be another one. */
export interface LinkedRequests {
  /** The request of a link that nobody has used yet, unless whoever asked could not use the answer any more. */
  behind(link: string): Promise<LinkedRequest | undefined>
  depart(id: string): Promise<boolean>
  comeBack(id: string): Promise<void>
  /** The request of a browser that comes back from Google, as `behind`. */
  visiting(id: string): Promise<LinkedRequest | undefined>
  refuse(id: string, outcome: 'denied' | 'wrong_account', unused?: GoogleResult): Promise<void>
  hold(id: string, arrival: GoogleResult): Promise<string | undefined>
}

/** Those that began at this gateway. */
export function linkedHere(requests: SignInRequests): LinkedRequests {
  return {
    behind: (link) => wanted(requests.behind(link)),
    depart: async (id) => requests.depart(id),
    comeBack: async (id) => requests.comeBack(id),
    visiting: (id) => wanted(requests.visiting(id)),
    refuse: async (...refused) => requests.refuse(...refused),
    hold: async (id, arrival) => requests.hold(id, arrival)
  }
}

/** Whose session has ended meanwhile could not use what a person gives. */
async function wanted(request: SignInRequest | undefined): Promise<LinkedRequest | undefined> {
  if (!request || !((await request.wish.isWanted?.()) ?? true)) return undefined
  const { level, person, clientName, loginHint } = request.wish
  return { id: request.id, wish: { level, person, clientName, loginHint } }
}
