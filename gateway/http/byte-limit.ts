import { Transform } from 'node:stream'
import { GatewayError } from '#shared/errors.ts'

/** Passes bytes on and fails with ERR_BODY_TOO_LARGE as soon as there are more than `limit`. */
export function byteLimit(limit: number, passed: (bytes: number) => void): Transform {
  let total = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.byteLength
      passed(chunk.byteLength)
      if (total > limit) done(bodyTooLarge(limit))
      else done(null, chunk)
    }
  })
}

export const bodyTooLarge = (limit: number): GatewayError =>
  new GatewayError('ERR_BODY_TOO_LARGE', `The request body is over ${limit} bytes; see MAX_BODY.`)
