/**
 * `npm run sandbox`: the sandbox as a process. SANDBOX_PORT, SANDBOX_USERS (how many), SANDBOX_STATE (a file). Prints one line
 * of JSON when it is ready; on a terminal the same in words.
 */
import closeWithGrace from 'close-with-grace'
import * as z from 'zod'
import { type Sandbox, startSandbox } from './sandbox.ts'
import { inventUsers } from './sandbox-user.ts'

const Environment = z.object({
  SANDBOX_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  SANDBOX_USERS: z.coerce.number().int().min(1).max(1000).default(3),
  SANDBOX_STATE: z.string().optional()
})

const {
  SANDBOX_PORT: port,
  SANDBOX_USERS: count,
  SANDBOX_STATE: stateFile
} = Environment.parse(process.env)
const sandbox = await startSandbox({
  port,
  users: inventUsers(count),
  log: (error) => console.error(error),
  ...(stateFile === undefined ? {} : { stateFile })
})
const { url, clientId, clientSecret, users } = sandbox
console.log(
  process.stdout.isTTY
    ? inWords({ url, clientId, clientSecret, users })
    : JSON.stringify({ url, clientId, clientSecret, users })
)

const { close } = closeWithGrace({ delay: 2000 }, () => sandbox.close())
// Whoever started it with a channel, such as the demo, is gone, however that came about.
process.once('disconnect', () => void close()) // the process ends there

function inWords(ready: Pick<Sandbox, 'url' | 'clientId' | 'clientSecret' | 'users'>): string {
  return `
A stand-in for Google's sign-in and the Gmail API, with invented people (ops/sandbox/README.md):

  GOOGLE_ISSUER_URL=${ready.url}
  GMAIL_API_URL=${ready.url}
  GOOGLE_CLIENT_ID=${ready.clientId}
  GOOGLE_CLIENT_SECRET=${ready.clientSecret}

  ${ready.users.map(({ email }) => email).join(', ')}

Ctrl-C ends it.
`
}
