import { type ParseArgsConfig, parseArgs } from 'node:util'
import type * as z from 'zod'
import { nearNames } from '#shared/near-names.ts'
import type { Verb } from '../../gateway/admin/verb.ts'
import { COMMANDS, optionOf } from './commands.ts'
import { Failed } from './failed.ts'

/** What a command line asks for. */
export type Request =
  | { readonly kind: 'help' }
  | { readonly kind: 'help-for'; readonly command: Verb }
  | AskedFor

export interface AskedFor {
  readonly kind: 'do'
  readonly command: Verb
  /** The path, filled in. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly reason: string | undefined
  readonly isJson: boolean
}

/** Throws Failed `usage` with what is wrong. */
export function readRequest(line: readonly string[]): Request {
  const [name, ...rest] = line
  if (name === undefined || name === '--help' || name === '-h' || name === 'help')
    return { kind: 'help' }
  const command = COMMANDS.find((one) => one.command === name)
  if (!command) throw unknown(name)
  const { values, positionals } = parse(command, rest)
  if (values.help === true) return { kind: 'help-for', command }
  return {
    kind: 'do',
    command,
    path: pathOf(command, positionals, values.yes === true),
    query: queryOf(command, values),
    reason: typeof values.reason === 'string' ? values.reason : undefined,
    isJson: values.json === true
  }
}

function unknown(name: string): Failed {
  const [near] = nearNames(
    name,
    COMMANDS.map(({ command }) => command)
  )
  const hint = near === undefined ? 'npm run admin -- --help lists them' : `did you mean ${near}?`
  return new Failed('usage', `There is no command ${name}; ${hint}.`)
}

const SHORT = ['-h', '-r']
/** No argument of a process has it. */
const NAME = '\u0000'

/**
 * Ids of tokens and clients are random in base64url (RFC 4648 §5), so some begin with a dash: what has one dash is a
 * name, or the value of the option before it, unless it is one of the short options.
 */
const guarded = (arg: string): string =>
  /^-[^-]/.test(arg) && !SHORT.includes(arg) ? `${NAME}${arg}` : arg
const unguarded = (arg: string): string => (arg.startsWith(NAME) ? arg.slice(1) : arg)

type Values = Readonly<Record<string, string | boolean | undefined>>

function parse(command: Verb, args: string[]): { values: Values; positionals: string[] } {
  const options: ParseArgsConfig['options'] = {
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
    ...(command.method !== 'GET' && { reason: { type: 'string', short: 'r' } }),
    ...(command.isFinal && { yes: { type: 'boolean' } })
  }
  for (const name of Object.keys(command.query.shape)) options[optionOf(name)] = { type: 'string' }
  try {
    const parsed = parseArgs({ args: args.map(guarded), options, allowPositionals: true })
    const values = Object.entries(parsed.values as Values) // no option may be given twice
    return {
      values: Object.fromEntries(
        values.map(([name, value]) => [name, typeof value === 'string' ? unguarded(value) : value])
      ),
      positionals: parsed.positionals.map(unguarded)
    }
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/\. To specify.*$/s, '.') : ''
    const hint =
      Object.keys(command.params.shape).length > 0
        ? '\nA name that begins with two dashes comes last, after -- alone.'
        : ''
    throw new Failed('usage', `${why}${hint}\n${howTo(command)}`)
  }
}

function pathOf(command: Verb, given: readonly string[], isSure: boolean): string {
  const names = Object.keys(command.params.shape)
  if (given.length !== names.length)
    throw new Failed(
      'usage',
      `${command.command} takes ${names.length === 0 ? 'no name' : names.map((name) => `<${name}>`).join(' and ')}.\n${howTo(command)}`
    )
  const params = Object.fromEntries(names.map((name, i) => [name, given[i]]))
  check(command.params, params, (name) => `<${name}>`)
  if (command.isFinal && !isSure)
    throw new Failed(
      'usage',
      `${command.summary}: ${given.join(' ')}. ${command.description}\nNothing was done. Say it again with --yes.`
    )
  return command.path.replaceAll(/:(\w+)/g, (_, name) => encodeURIComponent(params[name] ?? ''))
}

function queryOf(command: Verb, values: Values): Record<string, string> {
  const query = Object.fromEntries(
    Object.keys(command.query.shape).flatMap((name) => {
      const value = values[optionOf(name)]
      return typeof value === 'string' ? [[name, value]] : []
    })
  )
  check(command.query, query, (name) => `--${optionOf(name)}`)
  return query
}

function check(schema: z.ZodObject, given: object, called: (name: string) => string): void {
  const { error } = schema.safeParse(given)
  const [issue] = error?.issues ?? []
  if (issue) throw new Failed('usage', `${called(String(issue.path[0]))}: ${issue.message}.`)
}

/** A command and its names, in a line. */
export const howTo = ({ command, params }: Verb): string =>
  ['npm run admin --', command, ...Object.keys(params.shape).map((name) => `<${name}>`)].join(' ')
