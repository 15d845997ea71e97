import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { confine, type Layers } from '../../gateway/launcher/confinement.ts'
import {
  ProcessLauncher,
  type ProcessLauncherParts
} from '../../gateway/launcher/process-launcher.ts'
import { openRunDirectory } from '../../gateway/launcher/run-directory.ts'
import { systemClock } from '../../shared/clock.ts'

const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex')

/** A directory, removed at the end of the test. */
export function shortDirectory(t: Test, mode = 0o711): string {
  const path = mkdtempSync(join(tmpdir(), 'gw-'))
  chmodSync(path, mode)
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** The layers of a machine that has none but the parent-death signal. */
export const PLAIN: Layers = {
  node: process.execPath,
  setpriv: existsSync('/usr/bin/setpriv') ? '/usr/bin/setpriv' : undefined,
  prlimit: undefined,
  env: undefined,
  identity: { kind: 'own' },
  dataBytes: 0,
  mostFiles: 1024,
  nodeLimits: undefined
}

/** The launcher, with one of test/fixtures/workers as its worker. */
export function launcherOf(
  t: Test,
  fixture: string,
  parts: Partial<ProcessLauncherParts> = {}
): ProcessLauncher {
  const launcher = new ProcessLauncher({
    clock: systemClock,
    randomHex,
    runDirectory: openRunDirectory({ base: shortDirectory(t), pid: process.pid }),
    confinement: confine(PLAIN),
    entry: fileURLToPath(new URL(`../fixtures/workers/${fixture}.ts`, import.meta.url)),
    env: { TZ: 'UTC' },
    init: {
      gmailOrigin: 'https://gmail.googleapis.com',
      resourceMetadataUrl: 'https://gateway.example/.well-known/oauth-protected-resource'
    },
    ...parts
  })
  t.teardown(() => launcher.close())
  return launcher
}
