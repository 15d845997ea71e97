import type { DemoUsers } from './sign-in-everybody.ts'

export interface Demo {
  readonly mcp: string
  readonly ops: string
  readonly adminToken: string
  readonly google: string
  readonly users: DemoUsers
}

/** What a person who just started the demo wants to paste somewhere. */
export function greeting({ mcp, ops, adminToken, google, users }: Demo): string {
  const [first] = users
  return `
Gmail MCP gateway, with a stand-in for Google and invented mailboxes.

  MCP endpoint   ${mcp}
  Sign-in page   ${google}   (stand-in; choose any of the people below)
  Operators      ${ops}   bearer ${adminToken}

People and their personal tokens:
${users.map(({ email, token }) => `  ${email.padEnd(28)} ${token}`).join('\n')}

Connect Claude Code as ${first?.email ?? 'the first one'}:

  claude mcp add --transport http gmail ${mcp} \\
    --header "Authorization: Bearer ${first?.token ?? ''}"

Or with curl:

  curl -s ${mcp} -H 'Authorization: Bearer ${first?.token ?? ''}' \\
    -H 'Content-Type: application/json' \\
    -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_emails","arguments":{"query":"in:inbox"}}}'

Watch the processes:

  curl -s -H 'Authorization: Bearer ${adminToken}' ${ops}/admin/workers

Ctrl-C ends everything.
`
}
