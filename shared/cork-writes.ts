import type { Socket } from 'node:net'

/**
 * What is written to the socket from here to the end of this turn of the event loop goes out in one piece.
 * A short answer (headers, one event, the end) is then one packet instead of three.
 */
export function corkWrites(socket: Socket | null): void {
  if (!socket || socket.writableCorked > 0) return
  socket.cork()
  setImmediate(() => socket.uncork())
}
