import { GoogleError, invalid } from '../google-error.ts'
import { fromBase64url } from './base64url.ts'

/** Bytes of the largest message that may be sent or kept as a draft. */
export const MAX_SENT = 36_700_160
/** Bytes of the largest message that may be inserted or imported. */
export const MAX_INSERTED = 157_286_400

/** The message that a request brings, as an upload or in `raw`. Refuses what is missing, broken or too large. */
export function readRaw(
  media: Buffer | undefined,
  raw: string | undefined,
  maxBytes: number
): Buffer {
  const bytes = media ?? decodeRaw(raw)
  if (bytes.length <= maxBytes) return bytes
  if (media) throw new GoogleError('uploadTooLarge', 'Request Entity Too Large')
  throw invalid('Message too large')
}

function decodeRaw(raw: string | undefined): Buffer {
  if (!raw) {
    throw invalid(
      "'raw' RFC822 payload message string or uploading message via /upload/* URL required"
    )
  }
  const bytes = fromBase64url(raw)
  if (bytes) return bytes
  throw new GoogleError(
    'invalid',
    "Invalid value at 'message.raw' (TYPE_BYTES), Base64 decoding failed"
  )
}
