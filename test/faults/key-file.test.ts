import { execFile } from 'node:child_process'
import { copyFileSync, renameSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import * as z from 'zod'
import { createKeyring, writeKeyring } from '../../gateway/accounts/keyring.ts'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import { call, messageOf, send, until } from '../helpers/mcp-http.ts'

const SECRETS = fileURLToPath(new URL('../../ops/secrets.ts', import.meta.url))
const ADA = 'ada@sandbox.example'
const LOST = 'gmail_mcp_key_file_trouble{kind="lost"}'
const Profile = z.looseObject({
  isError: z.boolean().optional(),
  structuredContent: z.record(z.string(), z.unknown()).optional()
})

// NIST SP 800-57 part 1, 5.3: a rotation must be possible without an outage; a key that is lost is told as such.
t.test('a file of keys that is rotated, lost, put back or given up', async (t) => {
  const google = await startSandbox({ users: [{ email: ADA }] })
  t.teardown(() => google.close())
  const home = await openGatewayHome(t, { users: google, settings: {} })
  const { SECRETS_FILE, DATABASE_URL } = home.settings
  const [ada] = home.users
  if (!ada || !SECRETS_FILE || !DATABASE_URL) throw new Error('one person was asked for')

  const secrets = async (...args: string[]) =>
    (
      await promisify(execFile)(process.execPath, [SECRETS, ...args, SECRETS_FILE], {
        env: { ...process.env, DATABASE_URL }
      })
    ).stdout
  const ready = async () => {
    const response = await fetch(`${home.ops}/ready`)
    const { checks } = z
      .object({ checks: z.record(z.string(), z.string()) })
      .parse(await response.json())
    return `${response.status} ${checks.keys}`
  }
  /** A worker that has no token yet asks for one. */
  const freshProfile = async () => {
    for (const { id } of await home.workers()) await home.stopWorker(id)
    const to = { url: home.url, token: ada.token }
    return Profile.parse((await messageOf(await send(to, { body: call('get_profile') })))?.result)
  }
  const other = `${SECRETS_FILE}.other`
  const kept = `${SECRETS_FILE}.kept`
  writeKeyring(other, createKeyring())
  /** In one step, as whoever deploys files does it. */
  const put = (from: string) => {
    copyFileSync(from, `${SECRETS_FILE}.new`)
    renameSync(`${SECRETS_FILE}.new`, SECRETS_FILE)
  }

  let gateway = home.start()
  await gateway.said('"ready"')
  t.match(await freshProfile(), { structuredContent: { emailAddress: ADA } })

  t.test('rotated and sealed anew while it runs: nobody notices', async (t) => {
    t.match(await secrets('--rotate', '--reseal'), /1 grants sealed anew/)
    t.match(await freshProfile(), { structuredContent: { emailAddress: ADA } })
    await gateway.said('a new key of SECRETS_FILE seals from now on')
    t.equal(await ready(), '200 ok')
  })

  t.test(
    'another one at the start: log, /ready and metric say so before anybody calls',
    async (t) => {
      copyFileSync(SECRETS_FILE, kept)
      gateway.kill('SIGTERM')
      await gateway.gone
      put(other)
      gateway = home.start()
      await gateway.said('"ready"')
      t.match(
        gateway.output(),
        /"level":50.*"keys":"lost".*ERR_VAULT: SECRETS_FILE is not the file/
      )
      t.equal(await ready(), '503 failing')
      t.equal((await home.metrics()).get(LOST), 1)
      const refused = await freshProfile()
      t.match(refused, { isError: true, structuredContent: { code: 'needs_reauth' } })
      t.match(refused.structuredContent?.message, `http://localhost:${home.port}/account`)
    }
  )

  t.test('put back: it goes on without a restart', async (t) => {
    put(kept)
    await gateway.said('the file of keys is right again')
    t.equal(await ready(), '200 ok')
    t.equal((await home.metrics()).get(LOST), 0)
    await until(async () => (await freshProfile()).isError !== true)
    t.match(await freshProfile(), { structuredContent: { emailAddress: ADA } })
  })

  t.test(
    'lost for good: what cannot be opened is given up, and people sign in again',
    async (t) => {
      gateway.kill('SIGTERM')
      await gateway.gone
      put(other)
      gateway = home.start()
      await gateway.said('"ready"')
      t.equal(await ready(), '503 failing')
      t.match(await secrets('--forget-lost'), /1 grants removed that these keys do not open/)
      await gateway.said('the file of keys is right again')
      t.equal(await ready(), '200 ok')
      t.match(await freshProfile(), { isError: true, structuredContent: { code: 'needs_reauth' } })
    }
  )
})
