#!/usr/bin/env node
/**
 * `gmail-mcp-gateway COMMAND`: every program of the published package under one name; without a command, the demo. In a
 * checkout the same are `npm run COMMAND`.
 */
import { spawn } from 'node:child_process'
import { moduleFile } from '#shared/module-file.ts'
import { VERSION } from '#shared/version.ts'
import { COMMANDS, isCommand, usage } from './cli/commands.ts'
import { prepareWorker } from './worker-program.ts'

const EX_USAGE = 64
const LETTERS_OF_AN_OPERATOR = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

const [name = 'demo', ...rest] = process.argv.slice(2)
if (name === '--help' || name === 'help') process.stdout.write(usage())
else if (name === '--version') process.stdout.write(`${VERSION}\n`)
else if (isCommand(name)) await run(name)
else {
  process.stderr.write(`There is no command ${JSON.stringify(name)}.\n\n${usage()}`)
  process.exit(EX_USAGE)
}

async function run(name: keyof typeof COMMANDS): Promise<void> {
  if (name === 'start') return start()
  process.argv.splice(2, 1)
  await COMMANDS[name].load?.()
}

/** The gateway wants flags that only the start of a process takes. */
async function start(): Promise<void> {
  await prepareWorker()
  const flags = ['--disable-sigusr1', '--max-semi-space-size=8']
  const gateway = spawn(
    process.execPath,
    [...flags, moduleFile('../gateway/main', import.meta.url), ...rest],
    { stdio: 'inherit' }
  )
  for (const signal of LETTERS_OF_AN_OPERATOR) process.on(signal, () => gateway.kill(signal))
  gateway.on('error', (error) => {
    process.stderr.write(`The gateway does not start: ${error.message}\n`)
    process.exitCode = 1
  })
  gateway.on('exit', (code, signal) => {
    process.exitCode = code ?? 1
    if (signal) process.stderr.write(`The gateway was ended by ${signal}.\n`)
  })
}
