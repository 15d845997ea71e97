import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  createKeyring,
  loadKeyring,
  rotateKeyring,
  writeKeyring
} from '../../../gateway/accounts/keyring.ts'

const fresh = (t: Test) => {
  const path = join(t.testdir(), 'secrets.json')
  writeKeyring(path, createKeyring())
  return path
}

t.test('a written keyring is 0400 and loads as it was', async (t) => {
  const path = join(t.testdir(), 'secrets.json')
  const keyring = createKeyring()
  writeKeyring(path, keyring)
  t.equal(statSync(path).mode & 0o777, 0o400)
  t.same(loadKeyring(path), keyring)
  t.throws(() => writeKeyring(path, keyring), { code: 'EEXIST' })
})

t.test('a rotation adds a newest key everywhere and keeps the older ones', async (t) => {
  const old = createKeyring()
  const next = rotateKeyring(old)
  t.not(next.vault.current, old.vault.current)
  t.same(next.vault.keys.get(old.vault.current), old.vault.keys.get(old.vault.current))
  t.same(next.cookies.slice(1), old.cookies)
  t.same(next.signing.slice(1), old.signing)
})

t.test('a file that is not fit is refused with one sentence', async (t) => {
  const path = fresh(t)
  const good = JSON.parse(readFileSync(path, 'utf8'))
  const [kid = ''] = Object.keys(good.vault.keys)
  const key = good.vault.keys[kid]
  const put = (content: unknown) => {
    chmodSync(path, 0o600)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    chmodSync(path, 0o400)
  }
  const cases: [string, unknown, RegExp][] = [
    ['not JSON', 'secret', /it is not JSON/],
    ['unknown current', { ...good, vault: { ...good.vault, current: 'x' } }, /vault: current must/],
    ['short', { ...good, cookies: ['c2hvcnQ'] }, /cookies\.0: must be 32 random bytes/],
    ['typed', { ...good, cookies: ['A'.repeat(43)] }, /cookies\.0: must be 32 random bytes/],
    ['shared', { ...good, cookies: [key] }, /the same key stands in it twice/],
    ['no signing key', { ...good, signing: [] }, /signing:/],
    ['broken signing key', { ...good, signing: [{ ...good.signing[0], d: 'AAAA' }] }, /signing\.0:/]
  ]
  for (const [title, content, message] of cases) {
    put(content)
    t.throws(() => loadKeyring(path), { code: 'ERR_CONFIG', message }, title)
  }
})

t.test('a file that others can open, or that is not there, is refused', async (t) => {
  const path = fresh(t)
  for (const mode of [0o404, 0o644, 0o420, 0o460]) {
    chmodSync(path, mode)
    t.throws(() => loadKeyring(path), { code: 'ERR_CONFIG', message: /other users can open it/ })
  }
  chmodSync(path, 0o440)
  const warnings: string[] = []
  loadKeyring(path, (sentence) => warnings.push(sentence))
  t.match(
    warnings,
    [/its group can read it; run chmod 0400 on it, or/],
    'as Swarm and Kubernetes mount secrets'
  )
  t.throws(() => loadKeyring(`${path}.not`), {
    code: 'ERR_CONFIG',
    message: /no such file; make one with npm run secrets/
  })
  t.throws(() => loadKeyring(join(path, '..')), { code: 'ERR_CONFIG' })
})

t.test('the command makes the file, rotates it, and never overwrites one', async (t) => {
  const path = join(t.testdir(), 'secrets.json')
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['ops/secrets.ts', ...args], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' }
    })
  t.equal(run(path).status, 0)
  const first = loadKeyring(path)
  t.match(run(path), { status: 1, stderr: /exists already/ })
  t.same(loadKeyring(path), first)
  t.equal(run('--rotate', path).status, 0)
  const second = loadKeyring(path)
  t.equal(second.vault.keys.size, 2)
  t.equal(statSync(path).mode & 0o777, 0o400)
})
