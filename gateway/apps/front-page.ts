import { type Html, html } from '../web/html.ts'
import { copyable, type Page } from '../web/page.ts'
import type { ServiceIdentity } from '../web/service-identity.ts'

/** What clients call the connection; people may choose another name. */
const NAME = 'gmail'

/** What a person sees who opens the service's address: whose it is, and how to connect an application. */
export const frontPage = (service: ServiceIdentity, mcpUrl: string): Page => ({
  title: service.name,
  hasCopies: true,
  body: html`<p class="lead">Connects your Gmail to an AI assistant. You sign in with Google, choose what the assistant may do, and can end it at any time.</p>
<h2>The address to give to your assistant</h2>
${copyable(mcpUrl, 'the address')}
<p class="actions"><a class="button main" href="${cursorLink(mcpUrl)}">Add to Cursor</a> <a class="button" href="${codeLink(mcpUrl)}">Add to VS Code</a> <a class="button" href="/account">Your account</a></p>
<h2>Claude and ChatGPT</h2>
<ol class="steps"><li>Open the settings, then <strong>Connectors</strong>, and add a custom connector.</li><li>Paste the address, choose OAuth where you are asked, and sign in.</li></ol>
<h2>In a terminal</h2>
${COMMANDS.map(({ client, lines, next }) => html`<h3>${client}</h3>${copyable(lines(mcpUrl), `the command for ${client}`)}<p class="soft">${next}</p>`)}
<h2>Applications that only take a header</h2>
<p>Make a personal token on <a href="/account">your account page</a>, and give it to the application with the address:</p>
${copyable(headerConfig(mcpUrl), 'the configuration')}
<p class="soft">A token is a password to your mail for as long as it lives. Choose the least access and the shortest time that will do.</p>
<footer>${contactOf(service)}</footer>`
})

const COMMANDS: readonly {
  readonly client: string
  readonly lines: (mcpUrl: string) => string
  readonly next: string
}[] = [
  {
    client: 'Claude Code',
    lines: (url) => `claude mcp add --transport http ${NAME} ${url}`,
    next: 'Then type /mcp in Claude Code and sign in.'
  },
  {
    client: 'Codex',
    lines: (url) => `codex mcp add ${NAME} --url ${url}\ncodex mcp login ${NAME}`,
    next: 'The second line opens the sign-in.'
  },
  {
    client: 'Gemini CLI',
    lines: (url) => `gemini mcp add --transport http ${NAME} ${url}`,
    next: 'Then type /mcp auth gmail in Gemini CLI.'
  }
]

const headerConfig = (url: string): string =>
  JSON.stringify(
    {
      mcpServers: { [NAME]: { type: 'http', url, headers: { Authorization: 'Bearer YOUR_TOKEN' } } }
    },
    null,
    2
  )

/** As Cursor documents its install links: the server's part of `mcp.json`, in base64. */
const cursorLink = (url: string): string => {
  const config = Buffer.from(JSON.stringify({ url })).toString('base64')
  return `cursor://anysphere.cursor-deeplink/mcp/install?name=${NAME}&config=${encodeURIComponent(config)}`
}

/** As VS Code documents its MCP install URL: one JSON object, percent-encoded. */
const codeLink = (url: string): string =>
  `vscode:mcp/install?${encodeURIComponent(JSON.stringify({ name: NAME, type: 'http', url }))}`

function contactOf({ host, contact }: ServiceIdentity): Html {
  if (contact === undefined) return html`This service runs at ${host}.`
  const href = contact.startsWith('https://') ? contact : `mailto:${contact}`
  return html`This service runs at ${host}. Questions: <a href="${href}">${contact}</a>`
}
