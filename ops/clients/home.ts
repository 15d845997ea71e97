import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A client's own place: nothing that it writes or reads is anybody else's. */
export interface Home {
  /** Its HOME. */
  readonly directory: string
  /** Where it works; empty. */
  readonly work: string
  /** The packages that npm installed for it. */
  readonly packages: string
  readonly env: Readonly<Record<string, string>>
  /** A program that its packages bring. */
  bin(name: string): string
  /** Writes a file below the home. */
  write(path: string, content: string | object): Promise<void>
  /** The addresses that it had a browser open, the latest last, are appended to this file. */
  readonly opened: string
}

/** No client may ask its maker for updates, or tell it anything. */
const QUIET = {
  CI: '1',
  NO_COLOR: '1',
  DO_NOT_TRACK: '1',
  DISABLE_TELEMETRY: '1',
  DISABLE_AUTOUPDATER: '1',
  DISABLE_ERROR_REPORTING: '1',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  OPENCODE_DISABLE_AUTOUPDATE: '1',
  OPENCODE_DISABLE_MODELS_FETCH: '1',
  GEMINI_TELEMETRY_ENABLED: 'false',
  MASTRA_TELEMETRY_DISABLED: '1',
  OPENAI_AGENTS_DISABLE_TRACING: '1',
  NEXT_TELEMETRY_DISABLED: '1',
  npm_config_update_notifier: 'false'
}

/** Makes an empty home under `root` for a client whose packages are in `packages`. */
export async function makeHome(root: string, packages: string): Promise<Home> {
  const directory = join(root, 'home')
  const work = join(root, 'work')
  const programs = join(root, 'programs')
  const opened = join(root, 'opened')
  for (const each of [directory, work, programs]) await mkdir(each, { recursive: true })
  await writeFile(opened, '')
  // Instead of a browser: the address is noted, and the scripted person goes there.
  const browser = join(programs, 'xdg-open')
  await writeFile(browser, `#!/bin/sh\nprintf '%s\\n' "$@" >> '${opened}'\n`)
  await chmod(browser, 0o755)
  const node = join(process.execPath, '..')
  return {
    directory,
    work,
    packages,
    opened,
    env: {
      ...QUIET,
      HOME: directory,
      PATH: [programs, node, '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
      BROWSER: browser,
      TERM: 'dumb',
      XDG_CONFIG_HOME: join(directory, '.config'),
      XDG_DATA_HOME: join(directory, '.local', 'share'),
      XDG_CACHE_HOME: join(directory, '.cache'),
      XDG_STATE_HOME: join(directory, '.local', 'state')
    },
    bin: (name) => join(packages, 'node_modules', '.bin', name),
    async write(path, content) {
      const file = join(directory, path)
      await mkdir(join(file, '..'), { recursive: true })
      const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2)
      await writeFile(file, text, { mode: 0o600 })
    }
  }
}
