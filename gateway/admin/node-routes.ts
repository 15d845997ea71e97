/** This gateway as a whole: taking work or not, new processes, settings, what happens. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import type { Reload } from '../reload.ts'
import type { Serving } from '../serving.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { Events } from '../telemetry/events.ts'
import { type ChangeParts, change } from './answers.ts'

export interface NodeParts extends ChangeParts {
  readonly config: Config
  readonly supervisor: Supervisor
  readonly door: Serving['door']
  readonly events: Events
  readonly reload: Reload
}

/** Before a proxy or a person takes the stream for dead. */
const COMMENT_MS = 15_000
const SECRET_SETTINGS = ['ADMIN_TOKEN', 'METRICS_TOKEN', 'GOOGLE_CLIENT_SECRET']

export async function nodeRoutes(app: FastifyInstance, parts: NodeParts): Promise<void> {
  const { door, supervisor } = parts
  const node = (action: 'drain' | 'undrain' | 'recycle' | 'reload') => ({ action, target: 'node' })

  app.post('/admin/drain', async (request) =>
    change(parts, request, node('drain'), async () => {
      door.close()
      return { accepting: door.isOpen() }
    })
  )
  app.post('/admin/undrain', async (request) =>
    change(parts, request, node('undrain'), async () => {
      door.open()
      return { accepting: door.isOpen() }
    })
  )
  app.post('/admin/recycle', async (request) =>
    change(parts, request, node('recycle'), async () => {
      const ids = supervisor.list().map(({ id }) => id)
      void recycle(supervisor, ids) // never rejects
      return { recycling: ids }
    })
  )
  app.post('/admin/reload', async (request) =>
    change(parts, request, node('reload'), () => parts.reload())
  )
  app.get('/admin/config', async () => ({
    config: Object.fromEntries(
      Object.entries(parts.config).map(([name, value]) => [
        name,
        SECRET_SETTINGS.includes(name) && value !== undefined ? '(set)' : value
      ])
    )
  }))
  app.get('/admin/events', (request, reply) => streamEvents(parts.events, request, reply))
}

/** One after the other, each when its calls are answered, so that there is never less room than one place. */
async function recycle(
  supervisor: Supervisor,
  ids: readonly Parameters<Supervisor['stopWorker']>[0][]
): Promise<void> {
  for (const id of ids) await supervisor.stopWorker(id, 'upgrade', 'drain')
}

/** Server-sent events (HTML Living Standard, 9.2). */
function streamEvents(events: Events, request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  raw.write(': events\n\n')
  const stop = events.listen(({ type, at, fields }) => {
    if (raw.writableLength > MOST_WAITING)
      raw.destroy() // who does not read hears no more
    else raw.write(`event: ${type}\ndata: ${JSON.stringify({ type, at, ...fields })}\n\n`)
  })
  const timer = setInterval(() => raw.write(': \n\n'), COMMENT_MS)
  request.raw.once('close', () => {
    clearInterval(timer)
    stop()
  })
}

/** Bytes. */
const MOST_WAITING = 256 * 1024
