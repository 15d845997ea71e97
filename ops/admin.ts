/**
 * `npm run admin -- <command>`: everything that an operator can see and do, from a shell. `npm run admin -- --help`
 * says how; each command is a verb of the admin API (gateway/admin/verbs), and its options are the verb's.
 */
import { openConnection } from './admin/connection.ts'
import { EXIT, Failed, saying, type Voice } from './admin/failed.ts'
import { commandHelp, help } from './admin/help.ts'
import { perform } from './admin/perform.ts'
import { readRequest } from './admin/request.ts'

const line = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`)
const voice: Voice = {
  say: (text) => void process.stdout.write(line(text)),
  note: (text) => void process.stderr.write(line(text))
}
// Whoever read the first lines and went, such as `head`, has what they wanted.
process.stdout.on('error', () => process.exit(0))

try {
  const request = readRequest(process.argv.slice(2))
  if (request.kind === 'help') voice.say(help())
  else if (request.kind === 'help-for') voice.say(commandHelp(request.command))
  else process.exitCode = await perform(request, openConnection(process.env), voice)
} catch (error) {
  if (!(error instanceof Failed)) throw error
  voice.note(saying(error.message))
  process.exitCode = EXIT[error.kind]
}
