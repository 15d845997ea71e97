import { GoogleError, invalid } from '../google-error.ts'
import { parseMime } from '../mime/part.ts'

/** What a request's body holds: JSON, and the message when it is an upload. */
export interface RequestBody {
  readonly json: unknown
  readonly media: Buffer | undefined
}

/** The body as it came, if any. */
export const bodyOf = ({ body }: { body: unknown }) => (Buffer.isBuffer(body) ? body : undefined)

/** Reads the body of an ordinary request. */
export function readJsonBody(
  body: Buffer | undefined,
  contentType: string | undefined
): RequestBody {
  if (!body?.length) return { json: {}, media: undefined }
  if (!contentType?.includes('json')) {
    throw invalid(`Invalid content type: ${contentType ?? 'none'}. Expected application/json.`)
  }
  return { json: parseJson(body), media: undefined }
}

/** Reads an upload: the message alone (`uploadType=media`), or after its JSON (`multipart`). */
export function readUploadBody(
  body: Buffer | undefined,
  contentType = '',
  uploadType: string | undefined
): RequestBody {
  if (!body?.length) throw invalid('Media upload without content')
  if (uploadType === 'multipart') {
    const whole = parseMime(
      Buffer.concat([Buffer.from(`Content-Type: ${contentType}\r\n\r\n`), body])
    )
    const [metadata, message] = whole.parts
    if (!metadata || !message) throw invalid('Malformed multipart body.')
    checkMediaType(message.mimeType)
    return {
      json: metadata.content.length ? parseJson(metadata.content) : {},
      media: message.content
    }
  }
  if (uploadType !== 'media') throw invalid('Invalid uploadType')
  checkMediaType(contentType.split(';', 1)[0]?.trim() ?? '')
  return { json: {}, media: body }
}

/** Throws unless it is the one type that Gmail takes. */
export function checkMediaType(mimeType: string): void {
  if (mimeType === 'message/rfc822') return
  throw invalid(`Media type '${mimeType}' is not supported. Valid media types: [message/*]`)
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch (cause) {
    throw new GoogleError('parseError', `Invalid JSON payload received. ${String(cause)}`)
  }
}
