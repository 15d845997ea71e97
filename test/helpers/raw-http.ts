import { connect } from 'node:net'

/** Writes bytes to a port of this machine as they are; gives all that came back once the other side closed. */
export function rawHttp(port: number, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let answer = ''
  const socket = connect(port, '127.0.0.1', () => socket.write(text))
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.on('error', () => {}) // a reset is an answer as well
  socket.on('close', () => resolve(answer))
  return promise
}
