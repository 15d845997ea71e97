import * as z from 'zod'
import type { Verb } from '../../gateway/admin/verb.ts'
import { COMMANDS, optionOf } from './commands.ts'
import { howTo } from './request.ts'

const TAGS = ['People', 'Calls', 'Sessions', 'Workers', 'Gateway'] as const

/** Everything that somebody needs who has read nothing else. */
export function help(): string {
  const named = (command: Verb): string =>
    [command.command, ...Object.keys(command.params.shape).map((name) => `<${name}>`)].join(' ')
  const width = Math.max(...COMMANDS.map((command) => named(command).length))
  const list = TAGS.map((tag) => {
    const lines = COMMANDS.filter((command) => command.tag === tag).map(
      (command) => `  ${named(command).padEnd(width)}  ${command.summary}`
    )
    return `${tag}\n${lines.join('\n')}`
  })
  return `npm run admin -- <command> [options]     what an operator can see and do

${list.join('\n\n')}

A person's <id> is Google's id or the address. npm run admin -- <command> --help tells the
command's own options.

Options of every command
  --json         the answer as JSON, for programs; events: a line each
  --reason TEXT  why, for the audit (commands that change something)
  --help

Settings, in the environment; never on the command line, which others can read
  ADMIN_URL            the operators' address; http://127.0.0.1:9464, or this machine's OPS_PORT
  OPERATOR_TOKEN_FILE  a file with your token, or OPERATOR_TOKEN the token itself;
  ADMIN_TOKEN_FILE     as the gateway has it, or ADMIN_TOKEN. Without them: ready and health only

It ends with
   0  done                                  64  the command line is wrong
   1  refused, or failed, or not ready      69  nobody answers at the address
   2  there is nothing by this name         77  the token is not taken, or its role too small
                                            78  a setting is wrong

Examples
  npm run admin -- calls --older-than 30
  npm run admin -- kill-calls --user anna@example.com --reason "hangs"
  npm run admin -- block anna@example.com --reason "lost laptop"
  npm run --silent admin -- users --json | jq '.users[] | select(.isAllowed | not) | .email'
`
}

/** What one command does, takes and answers. */
export function commandHelp(command: Verb): string {
  const { summary, description, method, path, params, query, isFinal } = command
  const names = Object.entries(params.shape).map(([name, schema]): [string, string] => [
    `<${name}>`,
    described(schema)
  ])
  const options = Object.entries(query.shape).map(([name, schema]): [string, string] => [
    `--${optionOf(name)} ${kindOf(schema)}`,
    described(schema)
  ])
  if (method !== 'GET') options.push(['--reason TEXT', 'Why; the audit keeps it.'])
  if (isFinal) options.push(['--yes', 'Nothing brings it back; without this nothing is done.'])
  options.push(['--json', 'The answer as JSON.'])
  const width = Math.max(...[...names, ...options].map(([name]) => name.length))
  const lines = [...names, ...options].map(([name, text]) =>
    `  ${name.padEnd(width)}  ${text}`.trimEnd()
  )
  const role = method === 'GET' ? 'read' : 'admin'
  return `${howTo(command)}     ${summary}

${description}

${lines.join('\n')}

${method} ${path}${path.startsWith('/admin') ? `, with a token of the role ${role}` : ''}
`
}

const Described = z.looseObject({
  description: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  type: z.string().optional()
})

const jsonOf = (schema: z.core.$ZodType) =>
  Described.parse(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))

function described(schema: z.core.$ZodType): string {
  const { description = '', default: usual } = jsonOf(schema)
  return [description, usual === undefined ? '' : `(${String(usual)})`].join(' ').trim()
}

function kindOf(schema: z.core.$ZodType): string {
  const { enum: words, type = 'string' } = jsonOf(schema)
  if (words) return words.join('|')
  return type === 'string' ? 'TEXT' : 'NUMBER'
}
