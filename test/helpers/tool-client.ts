import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  type ClientCapabilities,
  ElicitRequestSchema,
  type Progress,
  ToolListChangedNotificationSchema
} from '@modelcontextprotocol/sdk/types.js'
import type { Test } from 'tap'
import type { AccessLevel } from '#shared/access-levels.ts'
import { Browser, formFields, type Visit } from './browser.ts'
import { answerGoogle } from './sign-in.ts'

export interface ToolAnswer {
  readonly isError: boolean
  readonly text: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface ToolClientOptions {
  /** A bearer token; none by default. */
  readonly token?: string
  /** Shows links to the person, who answers so. */
  readonly showsLinks?: (url: string) => 'accept' | 'decline'
}

/** A person's assistant: sdk 1.x, which knows no OAuth here. It notes all that its model gets to see. */
export async function openToolClient(t: Test, url: string, options: ToolClientOptions = {}) {
  const { token, showsLinks } = options
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
  const capabilities: ClientCapabilities = showsLinks ? { elicitation: { url: {} } } : {}
  const client = new Client({ name: 'plain-client', version: '1' }, { capabilities })
  const seen: string[] = []
  let listChanges = 0
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    listChanges += 1
  })
  if (showsLinks) {
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
      action: showsLinks('url' in params ? String(params.url) : '')
    }))
  }
  await client.connect(transport)
  t.teardown(() => client.close())
  return {
    client,
    seen,
    sessionId: () => transport.sessionId ?? '',
    listChanges: () => listChanges,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(
      name: string,
      args: Record<string, unknown> = {},
      onprogress?: (progress: Progress) => void
    ): Promise<ToolAnswer> {
      const result = await client.callTool(
        { name, arguments: args },
        undefined,
        onprogress && { onprogress }
      )
      seen.push(JSON.stringify(result))
      const [first] = result.content as { text?: string }[]
      return {
        isError: result.isError === true,
        text: first?.text ?? '',
        data: { ...Object(result.structuredContent) }
      }
    }
  }
}

export interface LinkChoices {
  readonly email: string
  /** Chosen on our page; what was asked for by default. */
  readonly level?: AccessLevel
  readonly atGoogle?: 'allow' | 'deny'
}

/** What a person does who follows a link: our page, Google's page, and back. Gives the last page's text. */
export async function followLink(
  link: unknown,
  { email, level, atGoogle = 'allow' }: LinkChoices,
  browser = new Browser()
): Promise<{ status: number; page: string; code: string }> {
  const google = await leaveForGoogle(link, level, browser)
  const text = await google.response.text()
  if (google.url.pathname.startsWith('/oauth/link'))
    return { status: google.response.status, page: text, code: '' }
  const back = await answerGoogle(
    browser,
    { url: google.url, text },
    { email, atGoogle },
    () => false
  )
  const page = await back.response.text()
  const code = /<strong><code>([A-Z0-9-]{9})<\/code>/.exec(page)?.[1] ?? ''
  return { status: back.response.status, page, code }
}

/** The first half of it: our page, and on to Google's. */
export async function leaveForGoogle(
  link: unknown,
  level?: AccessLevel,
  browser = new Browser()
): Promise<Visit> {
  const asked = await browser.follow(String(link))
  if (!asked.response.ok) return asked
  const text = await asked.response.text()
  const fields = { ...formFields(text), decision: 'allow', ...(level && { level }) }
  return browser.submit(asked.url, fields, asked.url)
}
