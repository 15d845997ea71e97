import { installed, type OpenLibrary } from './opened-library.ts'

interface OpenAiAgents {
  MCPServerStreamableHttp: new (
    options: object
  ) => {
    connect(): Promise<void>
    listTools(): Promise<{ readonly name: string }[]>
    callTool(name: string, args: object): Promise<unknown>
    close(): Promise<void>
  }
}

export const openaiAgents: OpenLibrary = async (url, headers) => {
  const { MCPServerStreamableHttp } = await installed<OpenAiAgents>('@openai/agents')
  const server = new MCPServerStreamableHttp({ url, name: 'gmail', requestInit: { headers } })
  await server.connect()
  return {
    tools: (await server.listTools()).map(({ name }) => name),
    call: (name, args) => server.callTool(name, args),
    close: () => server.close()
  }
}
