import { randomBytes } from 'node:crypto'
import { invalid, notFound } from '../google-error.ts'
import { checkMediaType, type RequestBody, readJsonBody } from './body.ts'

interface Begun {
  readonly owner: string
  readonly json: unknown
}

/** Uploads in two steps: first the JSON, then the message in one piece. Each ends with its second step. */
export class ResumableUploads {
  readonly #begun = new Map<string, Begun>()

  /** Answers with the id that the second step names. */
  begin(
    owner: string,
    body: Buffer | undefined,
    headers: { contentType: string | undefined; uploadType: string | undefined }
  ): string {
    if (headers.uploadType !== undefined) checkMediaType(headers.uploadType)
    const { json } = readJsonBody(body, headers.contentType)
    const id = `AEnB2U${randomBytes(40).toString('base64url')}`
    this.#begun.set(id, { owner, json })
    return id
  }

  /** Throws 404 for an unknown, finished or foreign upload. */
  finish(owner: string, id: string, media: Buffer | undefined): RequestBody {
    const begun = this.#begun.get(id)
    if (begun?.owner !== owner) throw notFound()
    if (!media?.length) throw invalid('Media upload without content')
    this.#begun.delete(id)
    return { json: begun.json, media }
  }
}
