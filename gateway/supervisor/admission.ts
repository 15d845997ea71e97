import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'

export interface AdmissionLimits {
  /** The most workers at once. */
  readonly places: number
  /** The most workers that start at once: a start is the dearest moment of a worker's life. */
  readonly starts: number
  /** The most users that may wait for a place. */
  readonly queue: number
  /** How long one of them may wait. */
  readonly waitMs: number
}

export interface Occupancy {
  readonly held: number
  readonly starting: number
  readonly waiting: number
}

/** Whether one more user may start a worker. Who came first goes first. */
export function decide(now: Occupancy, limits: AdmissionLimits): 'enter' | 'wait' | 'refuse' {
  if (now.waiting === 0 && hasRoom(now, limits)) return 'enter'
  return now.waiting < limits.queue ? 'wait' : 'refuse'
}

/** The right to run one process. */
export interface Permit {
  /** The start is over, well or not. May be called more than once. */
  started(): void
  /** The process is gone. May be called more than once. */
  release(): void
}

export interface AdmissionParts {
  readonly limits: AdmissionLimits
  readonly clock: Clock
  /** From 0 up to 1, not including 1. */
  readonly random: () => number
  /** So many users wait for want of places: whoever can spare a worker should end it. */
  readonly makeRoom: (places: number) => void
}

interface Waiter {
  enter(place: Permit): void
}

/** Bounds how many workers run, how many start, and who waits how long for that. */
export class Admission {
  readonly #parts: AdmissionParts
  readonly #queue: Waiter[] = []
  #held = 0
  #starting = 0

  constructor(parts: AdmissionParts) {
    this.#parts = parts
  }

  get occupancy(): Occupancy {
    return { held: this.#held, starting: this.#starting, waiting: this.#queue.length }
  }

  /**
   * Resolves with a place. Rejects with ERR_QUEUE_FULL, with ERR_WORKER_CAPACITY after the wait, or with
   * the reason of `signal`.
   */
  async enter(signal: AbortSignal): Promise<Permit> {
    signal.throwIfAborted()
    switch (decide(this.occupancy, this.#parts.limits)) {
      case 'enter':
        return this.#take()
      case 'refuse':
        throw new GatewayError(
          'ERR_QUEUE_FULL',
          'Too many accounts wait for a worker; try again.',
          {
            retryAfter: this.#retryAfter()
          }
        )
      case 'wait':
        return this.#wait(signal)
    }
  }

  /** Says again how many places are missing: somebody may be able to spare one now. */
  askForRoom(): void {
    const free = this.#parts.limits.places - this.#held
    const missing = this.#queue.length - free
    if (missing > 0) this.#parts.makeRoom(missing)
  }

  async #wait(signal: AbortSignal): Promise<Permit> {
    const { promise, resolve, reject } = Promise.withResolvers<Permit>()
    const waiter: Waiter = { enter: resolve }
    const abort = (): void => reject(signal.reason)
    const cancel = this.#parts.clock.after(this.#parts.limits.waitMs, () =>
      reject(
        new GatewayError('ERR_WORKER_CAPACITY', 'No place for another worker; try again.', {
          retryAfter: this.#retryAfter()
        })
      )
    )
    signal.addEventListener('abort', abort)
    this.#queue.push(waiter)
    this.askForRoom()
    try {
      return await promise
    } finally {
      cancel()
      signal.removeEventListener('abort', abort)
      const index = this.#queue.indexOf(waiter)
      if (index >= 0) this.#queue.splice(index, 1)
    }
  }

  #take(): Permit {
    this.#held += 1
    this.#starting += 1
    let isStarting = true
    let isHeld = true
    const started = (): void => {
      if (!isStarting) return
      isStarting = false
      this.#starting -= 1
      this.#next()
    }
    return {
      started,
      release: () => {
        if (!isHeld) return
        isHeld = false
        this.#held -= 1
        started()
        this.#next()
      }
    }
  }

  #next(): void {
    while (hasRoom(this.occupancy, this.#parts.limits)) {
      const waiter = this.#queue.shift()
      if (!waiter) return
      waiter.enter(this.#take())
    }
  }

  /** Spread over a few seconds, so that those refused together do not come back together. */
  #retryAfter(): number {
    return 1 + Math.floor(this.#parts.random() * 4)
  }
}

const hasRoom = ({ held, starting }: Occupancy, limits: AdmissionLimits): boolean =>
  held < limits.places && starting < limits.starts
