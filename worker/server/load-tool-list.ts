import type { Tool } from '@modelcontextprotocol/server'

/** The entries of `tools/list` for these tools. They are loaded with the first list that is asked for. */
export async function loadToolList(tools: readonly { readonly name: string }[]): Promise<Tool[]> {
  const { LISTED_TOOLS } = await import('./tool-list.ts')
  return tools.flatMap(({ name }) => LISTED_TOOLS[name] ?? [])
}
