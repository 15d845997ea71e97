import { installed, type OpenLibrary } from './opened-library.ts'

interface AiSdkTool {
  execute(args: object, options: object): Promise<unknown>
  toModelOutput?(call: object): unknown
}
interface AiSdk {
  createMCPClient(options: object): Promise<{
    tools(): Promise<Record<string, AiSdkTool>>
    close(): Promise<void>
  }>
}

/** What goes to the model is what the tool's own `toModelOutput` makes of the result. */
export const aiSdk: OpenLibrary = async (url, headers) => {
  const { createMCPClient } = await installed<AiSdk>('@ai-sdk/mcp')
  const client = await createMCPClient({ transport: { type: 'http', url, headers } })
  const tools = await client.tools()
  return {
    tools: Object.keys(tools),
    async call(name, args) {
      const tool = tools[name]
      if (!tool) throw new Error(`There is no tool ${name}.`)
      const call = { toolCallId: 'call', messages: [] }
      const output = await tool.execute(args, call)
      return tool.toModelOutput?.({ ...call, input: args, output }) ?? output
    },
    close: () => client.close()
  }
}
