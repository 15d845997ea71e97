import type { Socket } from 'node:net'
import { Pool } from 'undici'
import type { RunningWorker } from '../supervisor/supervisor.ts'

const pools = new WeakMap<RunningWorker, Pool>()

/**
 * The HTTP connections to one worker. They end with the worker, and nothing times out on its own here: a tool may
 * run long, a stream may be silent. This is the seam of the hop: nothing else knows how a worker is reached.
 */
export function connectionsTo(worker: RunningWorker): Pool {
  const known = pools.get(worker)
  if (known) return known
  const pool = new Pool('http://worker', {
    connect: (_options, done) => {
      // Not at once: undici starts no request from within its own call.
      queueMicrotask(() => {
        const stream = worker.connect()
        // Given a connection that is closed already, undici would ask for another one, for ever.
        if (stream.destroyed) done(gone(), null)
        else done(null, stream as Socket) // of which it uses what every stream has
      })
    },
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 60_000
  })
  pools.set(worker, pool)
  void worker.gone.then(() => pool.destroy())
  return pool
}

const gone = (): Error => Object.assign(new Error('The worker is gone.'), { code: 'ECONNREFUSED' })
