import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '#shared/clock.ts'

/** How often connections are looked at, at most; a reader is cut off at most so much later than it should. */
const LOOK_MS = 5000

interface Look {
  /** Bytes that the kernel had accepted at the last look. */
  readonly taken: number
  /** How many looks in a row found something waiting and nothing taken. Counted, so that no clock's jump cuts anybody off. */
  readonly idle: number
}

export interface SlowClientsParts {
  readonly clock: Clock
  /** Ms in which a client has to take some of what waits for it. */
  readonly limitMs: number
  readonly cutOff: () => void
}

/**
 * Cuts off connections whose client has taken nothing for a while although something waits for it. Without
 * this whoever asks and does not read would hold memory here, and a worker, for ever. One look at all of
 * them now and then costs less than a timer for each write. Ends with the server.
 */
export function cutOffSlowClients(server: Server, parts: SlowClientsParts): void {
  const { clock, limitMs } = parts
  const everyMs = Math.min(LOOK_MS, limitMs / 2)
  const mostIdle = Math.ceil(limitMs / everyMs)
  const looks = new Map<Socket, Look | undefined>()
  server.on('connection', (socket: Socket) => {
    looks.set(socket, undefined)
    socket.once('close', () => looks.delete(socket))
  })
  let cancel = (): void => {}
  const lookLater = (): void => {
    cancel = clock.after(everyMs, () => {
      for (const [socket, last] of looks) {
        const seen = lookAt(socket, last)
        if (seen !== last) looks.set(socket, seen)
        if (!seen || seen.idle < mostIdle) continue
        looks.delete(socket)
        parts.cutOff()
        socket.destroy()
      }
      lookLater()
    })
  }
  lookLater()
  server.once('close', () => cancel())
}

function lookAt(socket: Socket, last: Look | undefined): Look | undefined {
  if (socket.writableLength === 0) return undefined
  const taken = socket.bytesWritten - socket.writableLength
  return { taken, idle: last?.taken === taken ? last.idle + 1 : 0 }
}
