/**
 * Where a connection has several mailboxes, each call may say whose it is about: `account`. The gateway leads it to the
 * process of that mailbox; here it is only compared with the one mailbox that there is.
 */
import type { CallToolResult, Tool } from '@modelcontextprotocol/server'
import { ToolError } from '#shared/tool-error.ts'

const NAME = 'account'
/** In which a request of MCP 2026-07-28 repeats the argument: `Mcp-Param-Account` (SEP-2243). */
const HEADER = { 'x-mcp-header': 'Account' }

type Arguments = Readonly<Record<string, unknown>>

/**
 * The arguments without `account`, if they are for the mailbox of this address. Throws invalid_argument when they are for
 * another one, or for none in particular and this is not the default: nothing is done in a mailbox that was not meant.
 */
export function forThisAccount(
  args: unknown,
  address: string,
  mailboxes: readonly string[] = [address]
): unknown {
  const { [NAME]: given, ...others } = Object(args) as Arguments
  const meant = given ?? mailboxes[0]
  if (typeof meant !== 'string' || !isSame(meant, address))
    throw new ToolError('invalid_argument', refusal(given, mailboxes))
  return given === undefined ? args : others
}

function refusal(given: unknown, mailboxes: readonly string[]): string {
  if (mailboxes.length === 1)
    return `account cannot choose another mailbox: this connection has ${mailboxes[0]} alone.`
  const all = mailboxes.join(', ')
  if (typeof given !== 'string' || !mailboxes.some((one) => isSame(one, given)))
    return `account has to be one of ${all}.`
  return `This call did not reach the mailbox ${given}. Send it alone, not in a batch; one of more than 64 KiB has to say its account in the header Mcp-Param-Account, or attach files with create_attachment_upload.`
}

/** The entry of a tool for a caller with several mailboxes. */
export const withAccount = (
  { inputSchema, outputSchema, ...tool }: Tool,
  mailboxes: readonly string[],
  isModern: boolean
): Tool => ({
  ...tool,
  inputSchema: {
    ...inputSchema,
    properties: {
      [NAME]: {
        type: 'string',
        enum: [...mailboxes],
        description: `Whose mailbox; ${mailboxes[0]} if left out`,
        ...(isModern && HEADER)
      },
      ...Object(inputSchema.properties)
    }
  },
  ...(outputSchema && {
    outputSchema: {
      ...outputSchema,
      properties: { [NAME]: { type: 'string' }, ...Object(outputSchema.properties) }
    }
  })
})

/** A result that says whose mail it is. */
export function ofAccount(result: CallToolResult, address: string): CallToolResult {
  const { content, structuredContent } = result
  const line = `Account: ${address}`
  const [first, ...others] = content
  const said: CallToolResult['content'] =
    first?.type === 'text'
      ? [{ ...first, text: `${line}\n${first.text}` }, ...others]
      : [{ type: 'text', text: line }, ...content]
  return {
    ...result,
    content: said,
    ...(structuredContent !== undefined && {
      structuredContent: { [NAME]: address, ...Object(structuredContent) }
    })
  }
}

const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()
