/**
 * An answer has two forms: a text for models, and `structuredContent` for programs (MCP 2025-11-25, Tools, "Structured
 * Content"). A client whose model needs one of them is sent one; see ops/decisions/two-forms-of-an-answer.md.
 */
import type { CallToolResult, Tool } from '@modelcontextprotocol/server'

/**
 * Clients that put `structuredContent` before their model in place of the text, by the name they give themselves. Their
 * models get the text, in which a fence stands around the words of others. Each shows the text when it is all there is,
 * and holds no result against the output schema, so that a list of tools from an older server does no harm.
 */
const TEXT_ALONE: ReadonlySet<string> = new Set(['claude-code', 'codex-mcp-client'])

/** Whether such a client is to get the text alone. */
export const takesTextOnly = (client: { readonly name: string } | undefined): boolean =>
  client !== undefined && TEXT_ALONE.has(client.name)

/** A result without its structured form. */
export function textOnly({ structuredContent: _, ...result }: CallToolResult): CallToolResult {
  return result
}

/** A tool without an output schema, which would promise the structured form. */
export function listedForText({ outputSchema: _, ...tool }: Tool): Tool {
  return tool
}
