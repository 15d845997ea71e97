/**
 * `npm run demo`: a stand-in for Google and the gateway in front of it, in the foreground, without any
 * configuration. Every setting of the gateway is honoured; DEMO_JSON=1 prints one line of JSON when ready.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import closeWithGrace from 'close-with-grace'
import { GatewayError } from '#shared/errors.ts'
import { startGateway } from '../gateway/start.ts'
import { createLog } from '../gateway/telemetry/log.ts'
import { greeting } from './demo/greeting.ts'
import { startSandboxProcess } from './demo/sandbox-process.ts'
import { demoSettings } from './demo/settings.ts'
import { signInEverybody } from './demo/sign-in-everybody.ts'
import { prepareWorker } from './worker-program.ts'

const kept = process.env.DEMO_DATA
const directory = kept || (await mkdtemp(join(tmpdir(), 'gmail-mcp-demo-')))
if (kept) await mkdir(kept, { recursive: true, mode: 0o700 })
const asJson = process.env.DEMO_JSON === '1'

/** On a terminal nobody waits without a word. */
const step = (words: string): void => {
  if (process.stderr.isTTY && !asJson) process.stderr.write(`${words} …\n`)
}

try {
  step('Making the program of the workers ready')
  await prepareWorker()
  step('Starting the stand-in for Google')
  const sandbox = await startSandboxProcess(directory, process.env.DEMO_USERS ?? '3')
  const config = await demoSettings(directory, sandbox, process.env)
  step('Signing in the invented people')
  const users = await signInEverybody(config, sandbox, directory)
  const isTerminal = process.stderr.isTTY && !asJson
  const log = createLog({ level: config.LOG_LEVEL, isTerminal, fd: 2 })
  step('Starting the gateway, and trying the walls between its workers')
  const gateway = await startGateway(config, log)
  closeWithGrace({ delay: config.DRAIN_TIMEOUT + 5000, logger: false }, async ({ err }) => {
    if (err) log.fatal({ err }, 'the demo fails')
    await gateway.close()
    await sandbox.close()
    if (!kept) await rm(directory, { recursive: true, force: true })
  })
  const demo = {
    mcp: `${config.PUBLIC_URL}/mcp`,
    ops: `http://${config.OPS_HOST}:${config.OPS_PORT}`,
    adminToken: config.ADMIN_TOKEN ?? '',
    google: sandbox.url,
    users
  }
  const { clientId: id, clientSecret: secret } = sandbox
  const shown = { ...demo, page: `${config.PUBLIC_URL}/`, client: { id, secret } }
  process.stdout.write(asJson ? `${JSON.stringify(demo)}\n` : greeting(shown))
} catch (error) {
  process.stderr.write(`${error instanceof GatewayError ? error.message : String(error)}\n`)
  if (!kept) await rm(directory, { recursive: true, force: true })
  process.exit(error instanceof GatewayError && error.code === 'ERR_CONFIG' ? 78 : 69)
}
