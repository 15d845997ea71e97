import Fastify, { type FastifyInstance } from 'fastify'
import { serveControl } from './control-routes.ts'
import { type GmailOptions, gmail } from './gmail/gmail.ts'
import { unknownUrlPage } from './google-error.ts'
import { logRequests } from './log-requests.ts'
import type { RequestLog } from './request-log.ts'
import type { Sandbox } from './sandbox.ts'
import type { Provider } from './sign-in/provider.ts'
import { signIn } from './sign-in/sign-in.ts'

export interface AppParts {
  readonly provider: Provider
  readonly gmail: GmailOptions
  readonly requests: RequestLog
  /** The sandbox that is steered; asked for once it listens. */
  sandbox(): Sandbox
}

/** The HTTP side: sign-in, Gmail and the controls, each in a scope of its own. */
export function buildApp({
  provider,
  gmail: gmailOptions,
  requests,
  sandbox
}: AppParts): FastifyInstance {
  const { faults, clock } = gmailOptions
  const app = Fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 2000 } })
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/html').send(unknownUrlPage(404))
  )
  logRequests(app, requests, clock)
  // Fastify loads these before it listens; their failures are listen's.
  void app.register((scope, _options, done) => {
    signIn(scope, provider, faults)
    done()
  })
  void app.register((scope, _options, done) => {
    gmail(scope, gmailOptions)
    done()
  })
  void app.register((scope, _options, done) => {
    serveControl(scope, sandbox)
    done()
  })
  return app
}
