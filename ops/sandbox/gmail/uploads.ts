import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { bodyOf, type RequestBody, readUploadBody } from './body.ts'
import { readSystemQuery } from './check-input.ts'
import type { GmailMethod } from './method.ts'
import { GMAIL_METHODS } from './methods.ts'
import { ResumableUploads } from './resumable-uploads.ts'

type Serve = (
  method: GmailMethod,
  request: FastifyRequest,
  reply: FastifyReply,
  body: RequestBody
) => Promise<FastifyReply>

/** The upload paths of the methods that take a message: simple, multipart and resumable. */
export function serveUploads(app: FastifyInstance, serve: Serve): void {
  const resumable = new ResumableUploads()
  for (const method of GMAIL_METHODS) {
    if (method.maxUpload === undefined) continue
    const route = {
      url: `/upload/gmail/v1/users/:userId/${method.path}`,
      bodyLimit: method.maxUpload + 1_000_000,
      config: { operation: method.name, isGmail: true }
    }
    app.route({
      ...route,
      method: method.verb,
      handler(request, reply) {
        const { uploadType, upload_id } = readSystemQuery(request.query)
        if (uploadType !== 'resumable') {
          const body = readUploadBody(bodyOf(request), request.headers['content-type'], uploadType)
          return serve(method, request, reply, body)
        }
        if (upload_id !== undefined) return finish(method, request, reply, upload_id)
        return reply.code(200).header('location', begin(request)).send()
      }
    })
    if (method.verb === 'PUT') continue
    app.route({
      ...route,
      method: 'PUT',
      handler(request, reply) {
        return finish(method, request, reply, readSystemQuery(request.query).upload_id ?? '')
      }
    })
  }

  function begin(request: FastifyRequest): string {
    const type = request.headers['x-upload-content-type']
    const id = resumable.begin(request.user ?? '', bodyOf(request), {
      contentType: request.headers['content-type'],
      uploadType: Array.isArray(type) ? type[0] : type
    })
    const url = new URL(request.url, `http://${request.host}`)
    url.searchParams.set('upload_id', id)
    return url.href
  }

  const finish = (method: GmailMethod, request: FastifyRequest, reply: FastifyReply, id: string) =>
    serve(method, request, reply, resumable.finish(request.user ?? '', id, bodyOf(request)))
}
