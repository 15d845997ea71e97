import type { Tool } from '@modelcontextprotocol/server'
import { TOOLS } from '../tools/catalog.ts'
import { SIGN_IN_TOOLS } from './register-sign-in-tools.ts'
import { asListed } from './to-sdk-tool.ts'

/**
 * The entry of `tools/list` of each tool, by its name. The build puts the value in the place of this file: to
 * make JSON Schemas of all tools would take each worker longer than everything else in the start of a session.
 */
export const LISTED_TOOLS: Readonly<Record<string, Tool>> = Object.fromEntries(
  [...TOOLS, ...SIGN_IN_TOOLS].map((tool) => [tool.name, asListed(tool)])
)
