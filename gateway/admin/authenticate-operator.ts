import { isIP } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import type { FailedAttempts } from '../http/failed-attempts.ts'
import { isRole, type Operator, type Operators, type Role } from './operators.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks at the ops port; null where nobody need say so. */
    operator: Operator | null
  }
}

export interface AuthenticateOperatorParts {
  readonly operators: Operators
  /** Counts wrong tokens. */
  readonly attempts: FailedAttempts
  /** Names, besides addresses and those without a dot, that the ops port answers to. In lower case. */
  readonly hosts: readonly string[]
  /** A wrong token came. Not told while its address is kept from trying. */
  readonly onRefused: (requestId: string) => void
}

/** The scheme in any case (RFC 9110 §11.1), one token (RFC 6750 §2.1). */
const BEARER = /^Bearer +(\S+)$/i

/** The door of the ops port. */
export function authenticateOperator({
  operators,
  attempts,
  hosts,
  onRefused
}: AuthenticateOperatorParts) {
  const operatorOf = (request: FastifyRequest): Operator | undefined => {
    const [, token] = BEARER.exec(request.headers.authorization ?? '') ?? []
    return token === undefined ? undefined : operators.byToken(token)
  }

  return {
    /**
     * Refuses a Host that a web page could have led a browser here with (DNS rebinding). That takes a name in the
     * public DNS: addresses and names without a dot are none.
     */
    async host(request: FastifyRequest, reply: FastifyReply): Promise<void> {
      const name = hostname(request.headers.host ?? '')
      if (isIP(name) !== 0 || !name.includes('.') || hosts.includes(name)) return
      await reply.code(403).send({
        error: {
          code: 'ERR_HOST',
          message: 'This host name is not served here; see OPS_HOSTS.',
          requestId: request.id
        }
      })
    },

    /** Who asks, if they say so and it is true. Never refuses. */
    operatorOf,

    /** Lets in who has this role. Throws ERR_TOO_MANY_ATTEMPTS, ERR_FORBIDDEN. */
    requires(role: Role | ((request: FastifyRequest) => Role)) {
      return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
        const operator = operatorOf(request)
        if (!operator) return refuse(request, reply, { attempts, onRefused })
        const needed = typeof role === 'string' ? role : role(request)
        if (!isRole(operator.role, needed))
          throw new GatewayError('ERR_FORBIDDEN', `This takes the role ${needed}.`)
        request.operator = operator
      }
    }
  }
}

async function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  { attempts, onRefused }: Pick<AuthenticateOperatorParts, 'attempts' | 'onRefused'>
): Promise<void> {
  if (request.headers.authorization !== undefined) attempts.failed(request.ip)
  const wait = attempts.waitFor(request.ip)
  if (wait > 0) {
    const message = 'Too many wrong tokens came from this address; wait a minute.'
    throw new GatewayError('ERR_TOO_MANY_ATTEMPTS', message, { retryAfter: wait })
  }
  if (request.headers.authorization !== undefined) onRefused(request.id)
  await reply
    .code(401)
    .header('www-authenticate', 'Bearer realm="ops"')
    .send({
      error: {
        code: 'ERR_UNAUTHORIZED',
        message: 'Send an operator’s token as a bearer token.',
        requestId: request.id
      }
    })
}

/** Without the port, and without the brackets of an IPv6 address. */
const hostname = (host: string): string =>
  (/^\[([^\]]*)\]/.exec(host)?.[1] ?? host.replace(/:\d*$/, '')).toLowerCase()
