import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { googleScopesFor } from '#shared/access-levels.ts'
import { systemClock } from '#shared/clock.ts'
import { asUserId } from '#shared/ids.ts'
import { type OpenAccounts, openAccounts } from '../../gateway/accounts/open-accounts.ts'
import type { Config } from '../../gateway/config/config.ts'
import { openStore } from '../../gateway/store/store.ts'
import type { SandboxProcess } from './sandbox-process.ts'

const TOKEN_LIFE_MS = 30 * 24 * 3600_000

const Users = z.array(z.object({ email: z.string(), token: z.string() }))
export type DemoUsers = z.infer<typeof Users>

/** Connects every user of the sandbox as if they had signed in, and makes each a personal token. */
export async function signInEverybody(
  config: Config,
  sandbox: SandboxProcess,
  directory: string
): Promise<DemoUsers> {
  const store = await openStore(config.DATABASE_URL)
  const accounts = openAccounts({ store, clock: systemClock, settings: config })
  const file = join(directory, 'users.json')
  const before = existsSync(file) ? Users.parse(JSON.parse(readFileSync(file, 'utf8'))) : []
  const users: DemoUsers = []
  for (const user of sandbox.users) {
    const known = before.find(({ email }) => email === user.email)
    const isGood = known && (await accounts.personalTokens.verify(known.token)) !== undefined
    users.push(isGood ? known : await signIn(accounts, config, sandbox, user))
  }
  writeFileSync(file, JSON.stringify(users), { mode: 0o600 })
  await store.close()
  return users
}

async function signIn(
  { accounts, grants, personalTokens }: OpenAccounts,
  { DEFAULT_LEVEL: level }: Config,
  sandbox: SandboxProcess,
  { email, sub }: SandboxProcess['users'][number]
): Promise<DemoUsers[number]> {
  const userId = asUserId(sub)
  const scopes = ['openid', 'email', ...googleScopesFor(level)]
  const response = await fetch(`${sandbox.url}/sandbox/grants`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, scopes })
  })
  const { refreshToken } = z.object({ refreshToken: z.string() }).parse(await response.json())
  await accounts.admit({ userId, email, emailVerified: true, hd: undefined })
  await grants.put(userId, refreshToken, scopes)
  const { token } = await personalTokens.create({ userId, name: 'demo', level, ttl: TOKEN_LIFE_MS })
  return { email, token }
}
