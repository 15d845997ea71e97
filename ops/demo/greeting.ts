import type { DemoUsers } from './sign-in-everybody.ts'

export interface Demo {
  readonly mcp: string
  /** The page that says whose service this is, with the address to copy. */
  readonly page: string
  readonly ops: string
  readonly adminToken: string
  readonly google: string
  /** The OAuth client of the stand-in. */
  readonly client: { readonly id: string; readonly secret: string }
  readonly users: DemoUsers
}

/** What a person who just started the demo wants to paste somewhere. */
export function greeting({ mcp, page, ops, adminToken, google, client, users }: Demo): string {
  const [first] = users
  return `
Gmail MCP gateway, with a stand-in for Google and invented mailboxes.

  Open           ${page}   (signing in leads to the stand-in, where you are any of the people below)
  MCP endpoint   ${mcp}
  Operators      ${ops}/   token ${adminToken}

People and their personal tokens:
${users.map(({ email, token }) => `  ${email.padEnd(28)} ${token}`).join('\n')}

Connect Claude Code as ${first?.email ?? 'the first one'}:

  claude mcp add --transport http gmail ${mcp} \\
    --header "Authorization: Bearer ${first?.token ?? ''}"

Or with curl:

  curl -s ${mcp} -H 'Authorization: Bearer ${first?.token ?? ''}' \\
    -H 'Content-Type: application/json' \\
    -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_emails","arguments":{"query":"in:inbox"}}}'

Over stdin and stdout, without the gateway, against the same mailboxes (docs/stdio.md):

  GOOGLE_ISSUER_URL=${google} GMAIL_API_URL=${google} \\
  GOOGLE_CLIENT_ID=${client.id} GOOGLE_CLIENT_SECRET=${client.secret} \\
  STDIO_DATA="$(mktemp -d)" npm run --silent stdio

Watch the processes:

  curl -s -H 'Authorization: Bearer ${adminToken}' ${ops}/admin/workers

Ctrl-C ends everything.
`
}
