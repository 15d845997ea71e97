import { installed, type OpenLibrary } from './opened-library.ts'

interface LangChainTool {
  readonly name: string
  invoke(call: object): Promise<{ readonly content: unknown; readonly status?: string }>
}
interface LangChain {
  MultiServerMCPClient: new (
    options: object
  ) => {
    getTools(): Promise<LangChainTool[]>
    close(): Promise<void>
  }
}

/** What goes to the model is the content of the tool's message. */
export const langchain: OpenLibrary = async (url, headers) => {
  const { MultiServerMCPClient } = await installed<LangChain>('@langchain/mcp-adapters')
  const client = new MultiServerMCPClient({
    mcpServers: { gmail: { transport: 'http', url, headers } }
  })
  const tools = await client.getTools()
  return {
    tools: tools.map(({ name }) => name),
    async call(name, args) {
      const tool = tools.find((each) => each.name.endsWith(name))
      if (!tool) throw new Error(`There is no tool ${name}.`)
      const message = await tool.invoke({ type: 'tool_call', id: 'call', name: tool.name, args })
      return message.content
    },
    close: () => client.close()
  }
}
