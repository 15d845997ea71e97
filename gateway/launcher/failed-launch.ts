import { PassThrough } from 'node:stream'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { asWorkerId } from '#shared/ids.ts'
import type { Launched } from './launcher.ts'
import { WorkerChannelEnd } from './worker-channel.ts'

/** A worker for which no process could even be made: gone from the start. */
export function failedLaunch(id: string, clock: Clock, cause: unknown): Launched {
  const channel = new WorkerChannelEnd({ clock, post: () => {} })
  channel.close()
  const ready = Promise.reject(
    new GatewayError('ERR_WORKER_START', 'The worker could not be started.', { cause })
  )
  ready.catch(() => {}) // who launched may look at `gone` alone
  return {
    id: asWorkerId(id),
    pid: undefined,
    launchedAt: clock.now(),
    connect: () => new PassThrough().destroy(),
    channel,
    passWhile: () => {},
    ready,
    gone: Promise.resolve({ code: null, signal: null, isOutOfMemory: false }),
    kill: () => {},
    diagnose: () => String(cause)
  }
}
