import { randomBytes } from 'node:crypto'
import { systemClock } from '#shared/clock.ts'
import { asSessionId, asUserId, asWorkerId } from '#shared/ids.ts'
import { SessionRegistry } from '../../gateway/sessions/registry.ts'
import { openStore, type Store } from '../../gateway/store/store.ts'

/** What a desktop client sends. */
const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: {
    roots: { listChanged: true },
    sampling: { context: {}, tools: {} },
    elicitation: { form: {}, url: {} },
    extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } }
  },
  clientInfo: {
    name: 'claude-ai',
    title: 'Claude',
    version: '0.14.3',
    websiteUrl: 'https://claude.ai',
    icons: [{ src: 'https://claude.ai/favicon.svg', mimeType: 'image/svg+xml', sizes: ['any'] }]
  }
}

/** A registry beside that of the gateway under test; the caller closes it. */
export const registryOver = (store: Store): SessionRegistry =>
  new SessionRegistry({
    store,
    clock: systemClock,
    rules: { ttlMs: 86_400_000, perUser: 10_000 },
    verifyLease: async () => {},
    events: { started() {}, ended() {}, sweepFailed() {} }
  })

/** As if every user had opened so many sessions before, in workers that are gone. Their ids, by user. */
export async function seedSessions(
  databaseUrl: string,
  users: readonly { readonly sub: string }[],
  each: number
): Promise<string[][]> {
  const store = await openStore(databaseUrl)
  const registry = registryOver(store)
  const all: string[][] = []
  for (const { sub } of users) {
    const ids = Array.from({ length: each }, () => randomBytes(24).toString('base64url'))
    for (const id of ids)
      await registry.open({
        id: asSessionId(id),
        userId: asUserId(sub),
        clientId: 'client-of-before',
        initialize: INITIALIZE,
        workerId: asWorkerId('w-of-before')
      })
    all.push(ids)
  }
  await registry.close()
  await store.close()
  return all
}
