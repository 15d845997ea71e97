import { installed, type OpenLibrary } from './opened-library.ts'

interface Mastra {
  MCPClient: new (
    options: object
  ) => {
    listTools(): Promise<
      Record<string, { execute(args: object, context: object): Promise<unknown> }>
    >
    disconnect(): Promise<void>
  }
}

export const mastra: OpenLibrary = async (url, headers) => {
  const { MCPClient } = await installed<Mastra>('@mastra/mcp')
  const client = new MCPClient({
    servers: { gmail: { url: new URL(url), requestInit: { headers } } },
    timeout: 20_000
  })
  const tools = await client.listTools()
  return {
    tools: Object.keys(tools),
    async call(name, args) {
      const tool = tools[`gmail_${name}`]
      if (!tool) throw new Error(`There is no tool ${name}.`)
      return tool.execute(args, {})
    },
    close: () => client.disconnect()
  }
}
