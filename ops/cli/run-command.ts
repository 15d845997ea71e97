import { spawn } from 'node:child_process'
import { moduleFile } from '#shared/module-file.ts'
import { VERSION } from '#shared/version.ts'
import { refuseCommandLine } from '../command-line.ts'
import { prepareWorker } from '../worker-program.ts'
import { COMMANDS, isCommand, usage } from './commands.ts'

/** A terminal gives SIGINT to the gateway itself, for which a second one means to end at once. */
const FORWARDED_SIGNALS = ['SIGTERM', 'SIGHUP'] as const

/** Runs what a command line asks for; the demo where it asks for nothing. */
export async function runCommand(words: readonly string[]): Promise<void> {
  const [name = 'demo', ...rest] = words
  if (name === '--help' || name === 'help') process.stdout.write(usage())
  else if (name === '--version') process.stdout.write(`${VERSION}\n`)
  else if (!isCommand(name))
    refuseCommandLine(`There is no command ${JSON.stringify(name)}.`, usage())
  else if (name === 'start') await start(rest)
  else {
    process.argv.splice(2, 1)
    await COMMANDS[name].load()
  }
}

/** The gateway wants flags that only the start of a process takes. */
async function start(rest: readonly string[]): Promise<void> {
  await prepareWorker()
  const flags = ['--disable-sigusr1', '--max-semi-space-size=8']
  const gateway = spawn(
    process.execPath,
    [...flags, moduleFile('../../gateway/main', import.meta.url), ...rest],
    { stdio: 'inherit' }
  )
  process.on('SIGINT', () => {})
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => gateway.kill(signal))
  gateway.on('error', (error) => {
    process.stderr.write(`The gateway does not start: ${error.message}\n`)
    process.exitCode = 1
  })
  gateway.on('exit', (code, signal) => {
    process.exitCode = code ?? 1
    if (signal) process.stderr.write(`The gateway was ended by ${signal}.\n`)
  })
}
