import { Pool } from 'undici'
import type { RunningWorker } from '../supervisor/supervisor.ts'

const pools = new WeakMap<RunningWorker, Pool>()

/**
 * The HTTP connections to one worker's socket. They end with the worker, and nothing times out on its
 * own here: a tool may run long, a stream may be silent.
 */
export function poolOf(worker: RunningWorker): Pool {
  const known = pools.get(worker)
  if (known) return known
  const pool = new Pool('http://worker', {
    socketPath: worker.socketPath,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 60_000
  })
  pools.set(worker, pool)
  void worker.gone.then(() => pool.destroy())
  return pool
}
