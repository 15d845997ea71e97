import type { FastifyReply } from 'fastify'
import { documentOf, type Page, pageHeaders } from './page.ts'

/** Answers with a page of ours and its headers. */
export const sendPage = (reply: FastifyReply, status: number, page: Page): FastifyReply =>
  reply.code(status).headers(pageHeaders(page)).send(documentOf(page))
