import pino from 'pino'

export type Log = pino.Logger

export interface LogOptions {
  readonly level: pino.LevelWithSilent
  /** Prose with colours instead of JSON. */
  readonly isTerminal: boolean
  /** 1 for stdout, 2 for stderr. */
  readonly fd: number
}

/**
 * The log: JSON lines, prose on a terminal. Callers pass names and numbers; what could hold a secret or
 * mail is removed here as well, should it ever be passed.
 */
export function createLog({ level, isTerminal, fd }: LogOptions): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: SECRET.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: '[removed]'
    },
    serializers: { err: kindOfError, req: briefRequest, res: briefResponse }
  }
  if (!isTerminal) return pino(options, pino.destination(fd))
  return pino({ ...options, transport: { target: 'pino-pretty', options: { destination: fd } } })
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
