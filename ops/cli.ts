#!/usr/bin/env node
/**
 * `gmail-mcp-gateway COMMAND`: every program of the published package under one name; without a command, the demo. In a
 * checkout the same are `npm run COMMAND`. This file runs on any Node that knows modules, to say which one it takes.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const OLDEST = [24, 12] as const

if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(
    `gmail-mcp-gateway needs Node ${OLDEST.join('.')} or later; this is ${process.versions.node}.\n`
  )
  process.exitCode = 69 // EX_UNAVAILABLE
} else {
  const { runCommand } = await import('./cli/run-command.ts')
  await runCommand(process.argv.slice(2))
}
