import pino from 'pino'

export type Log = pino.Logger

/**
 * The log: JSON lines on stdout, prose on a terminal. Callers pass names and numbers; what could hold
 * a secret or mail is removed here as well, should it ever be passed.
 */
export function createLog(level: pino.LevelWithSilent, isTerminal: boolean): Log {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: SECRET.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: '[removed]'
    },
    serializers: { err: kindOfError, error: kindOfError, req: briefRequest, res: briefResponse },
    ...(isTerminal && { transport: { target: 'pino-pretty' } })
  })
}

const SECRET = [
  'authorization',
  'cookie',
  'token',
  'accessToken',
  'access_token',
  'refreshToken',
  'refresh_token',
  'client_secret',
  'code',
  'sessionId',
  'email',
  'secret'
]

/** An error's name, code and place in our code. Its message may quote what a client or Google sent. */
function kindOfError(error: unknown): object {
  if (!(error instanceof Error)) return { kind: typeof error }
  const { name, stack = '' } = error
  const known = 'code' in error ? { reason: error.code } : {}
  const cause = error.cause === undefined ? {} : { cause: kindOfError(error.cause) }
  const says = name === 'GatewayError' ? { message: error.message } : {}
  return { name, ...known, ...says, ...cause, at: stack.split('\n').slice(1, 4).join(' ').trim() }
}

/** No URL: its query may hold an authorization code. */
const briefRequest = (request: { method?: string; routeOptions?: { url?: string } }): object => ({
  method: request.method,
  route: request.routeOptions?.url
})

const briefResponse = (response: { statusCode?: number }): object => ({
  status: response.statusCode
})
