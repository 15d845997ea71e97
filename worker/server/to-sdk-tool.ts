/** A tool of ours in the terms of the SDK. */
import type { Tool as ListedTool, StandardSchemaWithJSON } from '@modelcontextprotocol/server'
import type { Tool } from '../tool-kit/define-tool.ts'

type Shown = Pick<
  Tool,
  'name' | 'title' | 'description' | 'inputSchema' | 'outputSchema' | 'annotations'
>

/** What `registerTool` wants. The SDK passes arguments on unread: a tool reads them itself, so that its refusal has a code. */
export const asRegistered = (tool: Shown) => ({
  title: tool.title,
  description: tool.description,
  inputSchema: asIs(tool.inputSchema),
  annotations: tool.annotations
})

/** The entry of `tools/list`. */
export const asListed = (tool: Shown): ListedTool => ({
  name: tool.name,
  title: tool.title,
  description: tool.description,
  inputSchema: { ...tool.inputSchema(), type: 'object' },
  outputSchema: { ...tool.outputSchema(), type: 'object' },
  annotations: tool.annotations
})

const asIs = (json: () => Record<string, unknown>): StandardSchemaWithJSON => ({
  '~standard': {
    version: 1,
    vendor: 'gmail',
    validate: (value) => ({ value }),
    jsonSchema: { input: json, output: json }
  }
})
