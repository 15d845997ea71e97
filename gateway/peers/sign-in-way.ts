/** Sign-ins by tool whose link is followed at another gateway than the one that gave it out. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { GatewayError } from '#shared/errors.ts'
import type { LinkedRequests } from '../tool-sign-in/linked-requests.ts'
import { instanceTag, tagIn } from './instance-tag.ts'
import { type PeerConnections, PeerUnreachable } from './peer-connections.ts'
import type { PeerRouting } from './peer-routing.ts'

const PATH = '/sign-in'
const METHODS = ['behind', 'depart', 'comeBack', 'visiting', 'refuse', 'hold'] as const
type Method = (typeof METHODS)[number]

/** Gateways believe each other: what a person gave is checked where they gave it. */
const Passed = z.strictObject({
  method: z.enum(METHODS),
  args: z.tuple([z.string().max(100)], z.unknown())
})
const Answered = z.strictObject({ value: z.unknown().optional() })

export interface SignInWayParts {
  readonly here: LinkedRequests
  readonly pools: PeerConnections
  readonly routes: Pick<PeerRouting, 'list' | 'notReached'>
}

/** Asks the gateway that a link or a request is named after; throws ERR_PEER_GONE when it is not reached. */
export function createSignInWay({ here, pools, routes }: SignInWayParts): LinkedRequests {
  const ask = (method: Method) =>
    (async (id: string, ...more: unknown[]) => {
      const tag = tagIn(id)
      const peer = routes.list().find((one) => instanceTag(one.id) === tag)
      const local = here[method] as (...args: unknown[]) => Promise<unknown>
      if (!peer) return local(id, ...more)
      try {
        const { statusCode, body } = await pools.to(peer.url).request({
          method: 'POST',
          path: PATH,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ method, args: [id, ...more] })
        })
        const answer: unknown = await body.json()
        if (statusCode === 200) return Answered.parse(answer).value
        throw new Error(`the gateway of a sign-in answered ${statusCode}`)
      } catch (cause) {
        if (cause instanceof PeerUnreachable) routes.notReached(peer)
        throw new GatewayError('ERR_PEER_GONE', GONE, { cause, retryAfter: 1 })
      }
    }) as never // each has the type of its method
  return {
    behind: ask('behind'),
    depart: ask('depart'),
    comeBack: ask('comeBack'),
    visiting: ask('visiting'),
    refuse: ask('refuse'),
    hold: ask('hold')
  }
}

const GONE =
  'The gateway that began this sign-in is not reached. Ask your assistant for another link.'

/** Registers what other gateways ask of the sign-ins that began here. */
export function signInRoute(app: FastifyInstance, here: LinkedRequests): void {
  app.post(PATH, async (request) => {
    const { method, args } = Passed.parse(request.body)
    const act = here[method] as (...args: unknown[]) => Promise<unknown>
    return { value: await act(...args) }
  })
}
