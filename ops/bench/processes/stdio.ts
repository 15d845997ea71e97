/** The bench's tools over stdio, for proxies that start a server themselves. */
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { createBenchProgram } from '../bench-program.ts'

await createBenchProgram().build().connect(new StdioServerTransport())
