/** What the page is answered: types alone, from the verbs' own schemas, since a browser reads no TypeScript. */
import type * as z from 'zod'
import type { EventFields, EventType } from '../../telemetry/event-types.ts'
import type { Report as ReportSchema } from '../openapi.ts'
import type { Failure as FailureSchema, Verb } from '../verb.ts'
import type * as calls from '../verbs/calls.ts'
import type * as gateway from '../verbs/gateway.ts'
import type * as sessions from '../verbs/sessions.ts'
import type * as users from '../verbs/users.ts'
import type * as workers from '../verbs/workers.ts'

type Verbs = typeof calls & typeof gateway & typeof sessions & typeof users & typeof workers

/** What each verb answers, by its id. */
export type Answers = {
  [Id in keyof Verbs]: Verbs[Id] extends { answer: infer Schema extends z.ZodType }
    ? z.output<Schema>
    : never
}

/** A request for what a verb answers; `Answer` is told to the compiler alone. */
export interface Asked<Answer> {
  readonly method: Verb['method']
  readonly path: string
  readonly answer?: Answer
}

export type Failure = z.output<typeof FailureSchema>
export type Me = Answers['whoAmI']
export type Call = Answers['listCalls']['calls'][number]
export type Worker = Answers['listWorkers']['workers'][number]
export type Session = Answers['listSessions']['sessions'][number]
/** A person in the list: what they have is counted. */
export type PersonLine = Answers['listUsers']['users'][number]
/** One person: what they have is named. */
export type Person = Answers['getUser']
export type Consumer = Answers['topUsers']['users'][number]
export type GatewayNode = Answers['listNodes']['nodes'][number]
export type AuditEntry = Answers['listAudit']['entries'][number]

export type Report = z.output<typeof ReportSchema>

/** What the stream of events says, one at a time. */
export type LiveEvent = EventFields & { readonly type: EventType; readonly at: string }
