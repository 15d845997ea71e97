/**
 * The gateway in a process of its own, with everything on that is on in production. Its one argument is a
 * JSON object of settings, BENCH_USERS how many accounts are connected before it starts. It says where it is,
 * and what its heap holds whenever it is asked.
 */
import * as z from 'zod'
import { googleScopesFor } from '#shared/access-levels.ts'
import { systemClock } from '#shared/clock.ts'
import { asUserId } from '#shared/ids.ts'
import { openAccounts } from '../../../gateway/accounts/open-accounts.ts'
import { type Config, readConfig } from '../../../gateway/config/config.ts'
import { startGateway } from '../../../gateway/start.ts'
import { openStore } from '../../../gateway/store/store.ts'
import { createLog } from '../../../gateway/telemetry/log.ts'

const LEVEL = 'gmail.modify'

const { BENCH_USERS: count, ...settings } = z
  .record(z.string(), z.string())
  .parse(JSON.parse(process.argv[2] ?? '{}'))
const config = readConfig(settings)
const users = await connect(config, Number(count))
const gateway = await startGateway(config, createLog({ level: 'warn', isTerminal: false, fd: 2 }))
process.on('message', () => {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  process.send?.({ heapUsed, external, rss })
})
process.on('disconnect', () => void gateway.close().finally(() => process.exit(0)))
process.send?.({ users })

/** As if everybody had signed in with Google and made a personal token. */
async function connect(config: Config, count: number): Promise<object[]> {
  const store = await openStore(config.DATABASE_URL)
  const { accounts, grants, personalTokens } = openAccounts({
    store,
    clock: systemClock,
    settings: config
  })
  const scopes = ['openid', 'email', ...googleScopesFor(LEVEL)]
  const users: object[] = []
  for (let n = 0; n < count; n += 1) {
    const userId = asUserId(String(10n ** 20n + BigInt(n)))
    const email = `user${n}@example.com`
    await accounts.admit({ userId, email, emailVerified: true, hd: undefined })
    await grants.put(userId, `1//bench-${n}`, scopes)
    const { token } = await personalTokens.create({ userId, name: 'bench', level: LEVEL })
    users.push({ userId, token })
  }
  await store.close()
  return users
}
