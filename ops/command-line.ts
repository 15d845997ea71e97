import { type ParseArgsConfig, parseArgs } from 'node:util'

/** sysexits.h: the command line is wrong. */
export const EX_USAGE = 64

/** What a program takes, and how it is used, in its own words. */
export interface CommandLine<Options extends NonNullable<ParseArgsConfig['options']>> {
  /** Ends with a line break. */
  readonly usage: string
  readonly options: Options
  /** The most arguments that are no options. */
  readonly most: number
}

/**
 * Reads this program's command line. `--help` prints the usage and ends the program with 0; what it does not know, or too much
 * of it, is told with the usage, and ends it with 64 before anything was done.
 */
export function readCommandLine<const Options extends NonNullable<ParseArgsConfig['options']>>({
  usage,
  options,
  most
}: CommandLine<Options>) {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(usage)
    process.exit(0)
  }
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options })
    if (positionals.length > most)
      throw new Error(`${JSON.stringify(positionals[most])} is one argument too many.`)
    return { values, positionals }
  } catch (error) {
    return refuseCommandLine(error instanceof Error ? error.message : String(error), usage)
  }
}

/** Tells what is wrong with the command line, and how it is, and ends the program with 64. */
export function refuseCommandLine(why: string, usage: string): never {
  process.stderr.write(`${why}\n${usage}`)
  process.exit(EX_USAGE)
}
