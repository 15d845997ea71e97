import type { Clock } from '#shared/clock.ts'
import type { Store } from '../store/store.ts'
import { CLIENT_LIFE } from './client-retention.ts'

/** Whether clients may name a document of the web as what they are: always, never, or while it can be fetched. */
export type ClientDocumentsMode = 'on' | 'off' | 'auto'

export interface ClientMetadataDocumentsParts {
  readonly mode: ClientDocumentsMode
  readonly fetch: typeof globalThis.fetch
  readonly store: Pick<Store, 'db'>
  readonly clock: Clock
}

/** Client ID metadata documents, and whether the network lets them be read. */
export interface ClientMetadataDocuments {
  /**
   * Fetches a document. Of a client that somebody let in, the last good one is kept: when its site cannot be reached
   * the client goes on with it, instead of being a stranger at its next refresh.
   */
  readonly fetch: typeof globalThis.fetch
  /** Whether the metadata of this server is to offer them now; a client that finds no offer registers itself. */
  isOffered(): boolean
  /** May be called more than once. */
  close(): void
}

/** Documents that clients of the field name: where these can be read, others can. Any answer counts. */
const PROBES = [
  'https://claude.ai/oauth/claude-code-client-metadata',
  'https://vscode.dev/oauth/client-metadata.json'
] as const
const WHILE_REACHED_MS = 600_000
const WHILE_NOT_MS = 60_000
/** As long as a document may be. Real ones have about 1 KB. */
const LONGEST = 16 * 1024
const MODEL = 'ClientDocument'

export function createClientMetadataDocuments(
  parts: ClientMetadataDocumentsParts
): ClientMetadataDocuments {
  const { mode, store, clock } = parts
  const kept = keptDocuments(store, clock)
  let isReached = false
  let isClosed = false
  let disarm = () => {}

  const probe = async (): Promise<void> => {
    const answers = await Promise.allSettled(
      PROBES.map(async (url) => {
        const { body } = await parts.fetch(url)
        await body?.cancel()
      })
    )
    isReached = answers.some(({ status }) => status === 'fulfilled')
    if (!isClosed) arm(isReached ? WHILE_REACHED_MS : WHILE_NOT_MS)
  }
  const arm = (ms: number): void => {
    disarm()
    disarm = clock.after(ms, () => void probe()) // never rejects
  }
  if (mode === 'auto') arm(0)

  return {
    async fetch(input, init) {
      const url = String(input)
      try {
        const response = await parts.fetch(input, init)
        isReached = true
        if (response.status >= 500) return (await kept.find(url)) ?? response
        return response.status === 200 ? await kept.put(url, response) : response
      } catch (error) {
        // Strangers choose these addresses, so that one cannot be read says nothing of others: that is asked anew.
        if (mode === 'auto' && isReached && !isClosed) arm(WHILE_NOT_MS)
        const document = await kept.find(url)
        if (document) return document
        throw error
      }
    },
    isOffered: () => mode === 'on' || (mode === 'auto' && isReached),
    close() {
      isClosed = true
      disarm()
    }
  }
}

/** The last good documents of clients that somebody let in; strangers' are not kept. */
function keptDocuments({ db }: Pick<Store, 'db'>, clock: Clock) {
  const isWanted = async (url: string): Promise<boolean> => {
    const grant = await db
      .selectFrom('oauth')
      .select('id')
      .where('model', '=', 'Grant')
      .where('client_id', '=', url)
      .where('expires_at', '>', clock.now())
      .executeTakeFirst()
    return grant !== undefined
  }

  return {
    async find(url: string): Promise<Response | undefined> {
      const row = await db
        .selectFrom('oauth')
        .select('payload')
        .where('model', '=', MODEL)
        .where('id', '=', url)
        .where('expires_at', '>', clock.now())
        .executeTakeFirst()
      return row && new Response(row.payload, { headers: { 'content-type': 'application/json' } })
    },

    /** Gives the response back, read. */
    async put(url: string, response: Response): Promise<Response> {
      if (!(await isWanted(url))) return response
      const text = await textOf(response)
      if (isDocumentOf(url, text)) {
        const row = { payload: text, expires_at: clock.now() + CLIENT_LIFE.used }
        const empty = {
          grant_id: null,
          uid: null,
          user_id: null,
          client_id: null,
          consumed_at: null
        }
        await db
          .insertInto('oauth')
          .values({ model: MODEL, id: url, created_at: clock.now(), ...empty, ...row })
          .onConflict((conflict) => conflict.columns(['model', 'id']).doUpdateSet(row))
          .execute()
      }
      const { status, headers } = response
      return new Response(text, { status, headers })
    }
  }
}

async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    if (bytes > LONGEST) throw new RangeError('the document is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function isDocumentOf(url: string, text: string): boolean {
  try {
    const document: unknown = JSON.parse(text)
    return (
      typeof document === 'object' &&
      document !== null &&
      'client_id' in document &&
      document.client_id === url
    )
  } catch {
    return false
  }
}
