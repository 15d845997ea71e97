import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { createEmulator } from 'emulate'
import type { Test } from 'tap'
import * as z from 'zod'

const Inserted = z.object({ id: z.string(), threadId: z.string() })
const TOKEN = 'token-of-the-emulator'

/** The Gmail of `emulate` (vercel-labs), which nobody of this project wrote, with one empty mailbox. */
export interface EmulatedGmail {
  readonly url: string
  readonly token: string
  /** Puts a message into the inbox, unread. */
  deliver(raw: string): Promise<{ id: string; threadId: string }>
}

/** Starts it; the test closes it. Its ids are shown in hexadecimal digits, which Gmail's are. */
export async function startEmulatedGmail(t: Test, email: string): Promise<EmulatedGmail> {
  const emulator = await createEmulator({
    service: 'google',
    port: 0,
    seed: {
      tokens: { [TOKEN]: { login: email, scopes: ['https://mail.google.com/'] } },
      google: { users: [{ email, name: 'Ann' }], messages: [] }
    }
  })
  t.teardown(() => emulator.close())
  const ids = new Ids()
  const server = createServer(async (request, response) => {
    const answer = await fetch(
      emulator.url + ids.toTheirs(request.url ?? ''),
      await passOn(request, ids)
    )
    const text = await answer.text()
    response.statusCode = answer.status
    response.setHeader('content-type', answer.headers.get('content-type') ?? 'application/json')
    response.end(ids.toOurs(text))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    token: TOKEN,
    async deliver(raw) {
      const inserted = await fetch(`${url}/gmail/v1/users/me/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          raw: Buffer.from(raw).toString('base64url'),
          labelIds: ['INBOX', 'UNREAD']
        })
      })
      const { id, threadId } = Inserted.parse(await inserted.json())
      return { id, threadId }
    }
  }
}

async function passOn(request: IncomingMessage, ids: Ids): Promise<RequestInit> {
  const { method = 'GET', headers } = request
  const content = await buffer(request)
  const isJson = headers['content-type']?.includes('json') === true
  return {
    method,
    headers: {
      authorization: headers.authorization ?? '',
      ...(headers['content-type'] && { 'content-type': headers['content-type'] })
    },
    ...(content.length > 0 && { body: isJson ? ids.toTheirs(content.toString()) : content })
  }
}

/** `msg_…` and `thr_…` in sixteen hexadecimal digits, and back. */
class Ids {
  readonly #theirs = new Map<string, string>()

  toOurs(text: string): string {
    return text.replace(/\b(?:msg|thr)_[\w-]+/g, (theirs) => {
      const ours = createHash('sha256').update(theirs).digest('hex').slice(0, 16)
      this.#theirs.set(ours, theirs)
      return ours
    })
  }

  toTheirs(text: string): string {
    return text.replace(/\b[0-9a-f]{16}\b/g, (ours) => this.#theirs.get(ours) ?? ours)
  }
}
