#!/usr/bin/env node
/**
 * Serves one local person over stdin and stdout, with the same tools as the gateway. The person signs in
 * with a browser on this machine: at once with `sign-in` as the argument, else when a tool first needs it.
 * Nothing but protocol goes to stdout.
 */
import { randomBytes } from 'node:crypto'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import closeWithGrace from 'close-with-grace'
import { googleScopesFor } from '#shared/access-levels.ts'
import { systemClock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { OPEN_POLICY } from '#shared/tool-policy.ts'
import { VERSION } from '#shared/version.ts'
import { type Config, operatorPolicy } from '../gateway/config/config.ts'
import { memorySendLedger } from '../worker/gmail/memory-send-ledger.ts'
import { threadFiles } from '../worker/mime/thread-files.ts'
import { createGmailProgram } from '../worker/server/gmail-program.ts'
import { filesDirectory } from './stdio/files-directory.ts'
import { openLocalAccount } from './stdio/local-account.ts'
import { stdioSettings } from './stdio/settings.ts'

const EX_CONFIG = 78
const EX_UNAVAILABLE = 69
const say = (line: string): void => void process.stderr.write(`${line}\n`)

try {
  const config = stdioSettings(process.env)
  const files = filesDirectory(process.env.STDIO_FILES)
  const person = await openLocalAccount(config, systemClock, say)
  if (process.argv[2] === 'sign-in') {
    await person.signIn()
    await person.close()
  } else await serve(config)

  async function serve({
    DEFAULT_LEVEL: level,
    GMAIL_API_URL: gmailOrigin,
    ...settings
  }: Config): Promise<void> {
    const program = createGmailProgram({
      account: person.account,
      googleScopes: googleScopesFor(level),
      tokens: person.tokens,
      gmailOrigin,
      clock: systemClock,
      report: { request() {}, throttled() {}, retried() {}, tool() {}, deduplicated() {} },
      ...threadFiles(),
      version: VERSION,
      files,
      policy: { ...OPEN_POLICY, operator: operatorPolicy(settings) },
      ledger: memorySendLedger(systemClock),
      nonce: () => randomBytes(6).toString('hex'),
      random: Math.random
    })
    const server = serveStdio(() => program.build())
    const close = async (): Promise<void> => {
      await server.close()
      await program.close()
      await person.close()
    }
    process.stdin.once('end', () => void close()) // the client is gone
    closeWithGrace({ logger: false }, close)
  }
} catch (error) {
  const isOurs = error instanceof GatewayError
  say(isOurs ? error.message : String(error))
  process.exitCode = isOurs && error.code === 'ERR_CONFIG' ? EX_CONFIG : EX_UNAVAILABLE
}
