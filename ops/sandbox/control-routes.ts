import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { FaultInput } from './faults.ts'
import type { Sandbox } from './sandbox.ts'

const Email = z.object({ email: z.string() })
const Alias = z.strictObject({
  email: z.string(),
  name: z.string().optional(),
  isPending: z.boolean().optional()
})
const Grant = z.object({ email: z.string(), scopes: z.array(z.string()) })
const Delivery = z.union([
  z.strictObject({ raw: z.string() }),
  z.strictObject({
    from: z.string(),
    to: z.string().optional(),
    cc: z.string().optional(),
    subject: z.string().optional(),
    text: z.string().optional(),
    html: z.string().optional(),
    messageId: z.string().optional(),
    inReplyTo: z.string().optional(),
    references: z.string().optional()
  })
])

/** What `Sandbox` offers to its own process, for others: under `/sandbox/`, JSON both ways. */
export function serveControl(app: FastifyInstance, sandbox: () => Sandbox): void {
  app.setErrorHandler((error, _request, reply) =>
    error instanceof z.ZodError
      ? reply.code(400).send({ error: z.prettifyError(error) })
      : reply.send(error)
  )
  app.post('/sandbox/faults', (request) => {
    sandbox().faults.inject(FaultInput.parse(request.body))
    return {}
  })
  app.delete('/sandbox/faults', () => {
    sandbox().faults.clear()
    return {}
  })
  app.get('/sandbox/requests', () => ({ requests: sandbox().requests.list() }))
  app.get('/sandbox/mailboxes/:email/messages', (request) => {
    const { messages } = sandbox().mailbox(Email.parse(request.params).email)
    return {
      messages: messages.map(({ id, threadId, internalDate, labelIds, mail }) => ({
        id,
        threadId,
        internalDate,
        labelIds: [...labelIds],
        messageId: mail.messageId,
        from: mail.header('From'),
        to: mail.header('To'),
        subject: mail.subject,
        snippet: mail.snippet
      }))
    }
  })
  app.post('/sandbox/mailboxes/:email/deliver', (request) => {
    const mail = Delivery.parse(request.body)
    const view = sandbox().mailbox(Email.parse(request.params).email)
    const { id, threadId } = view.deliver('raw' in mail ? mail.raw : withoutUndefined(mail))
    return { id, threadId }
  })
  app.post('/sandbox/mailboxes/:email/aliases', (request) => {
    sandbox().mailbox(Email.parse(request.params).email).addAlias(Alias.parse(request.body))
    return {}
  })
  app.post('/sandbox/grants', (request) => {
    const { email, scopes } = Grant.parse(request.body)
    return sandbox().issueGrant(email, scopes)
  })
  app.post('/sandbox/grants/revoke', (request) => {
    sandbox().revokeGrants(Email.parse(request.body).email)
    return {}
  })
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** The same object in the form that exact optional types ask for. */
const withoutUndefined = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>
