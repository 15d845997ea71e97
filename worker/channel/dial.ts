import type { Duplex } from 'node:stream'

/** Opens a connection to Gmail's origin. Rejects with the code ECONNREFUSED when there is none to be had. */
export type Dial = () => Promise<Duplex>

/** The way out of a worker: a stream that the gateway connects to Gmail, and to nothing else. */
export const dialThrough =
  (open: () => Duplex): Dial =>
  () => {
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>()
    const stream = open()
    const refused = (): void =>
      reject(Object.assign(new Error('Gmail cannot be reached.'), { code: 'ECONNREFUSED' }))
    const begun = (): void => {
      if (stream.read(1) === null) return
      for (const event of ['error', 'end', 'close']) stream.off(event, refused)
      stream.off('readable', begun)
      resolve(stream)
    }
    for (const event of ['error', 'end', 'close']) stream.once(event, refused)
    stream.on('readable', begun)
    return promise
  }
