import { readFile, writeFile } from 'node:fs/promises'
import type { Person, Place } from './client.ts'
import { runCommand } from './run-command.ts'

export interface SignInCommand {
  /** The command; a shell's line when it needs a terminal. */
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** It is done when its output says so; else when it ends by itself. */
  readonly until?: RegExp
  readonly patienceMs?: number
}

const PATIENCE_MS = 75_000
const LOOK_EVERY_MS = 200
const ADDRESS = String.raw`https?://[^\s"'<>\\]+/oauth/authorize\?[^\s"'<>\\]+`
const FOLLOWED = new RegExp(`${ADDRESS}(?=[\\s"'<>])`)
const LAST = new RegExp(`${ADDRESS}$`)
/** An address with nothing behind it may still be being printed; some clients print nothing behind it. */
const STILL_MS = 2000

/**
 * Lets a client begin its sign-in, sends the person to the address that it opens or prints, and waits until it is
 * done. Rejects with the end of what the client printed when nothing came of it.
 */
export async function signInBy(
  { home }: Place,
  person: Person,
  { command, env = {}, until, patienceMs = PATIENCE_MS }: SignInCommand
): Promise<void> {
  // An address of an earlier sign-in is worth nothing.
  await writeFile(home.opened, '')
  const over = new AbortController()
  let printed = ''
  let printedAt = 0
  let visit: Promise<void> | undefined
  let printedBefore: number | undefined
  let isDone = false
  const look = async (): Promise<void> => {
    const opened = await readFile(home.opened, 'utf8')
    const isStill = performance.now() - printedAt > STILL_MS
    const found =
      FOLLOWED.exec(opened) ?? FOLLOWED.exec(printed) ?? (isStill ? LAST.exec(printed) : null)
    const address = found?.[0]
    if (address !== undefined && visit === undefined) {
      const before = printed.length
      visit = person.signIn(address).then(() => {
        printedBefore = before
      })
      // Without the person's part the client would wait in vain; the reason is told below.
      visit.catch(() => over.abort())
    }
    if (printedBefore !== undefined && until?.test(printed.slice(printedBefore))) {
      isDone = true
      over.abort()
    }
  }
  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  const [file = '', ...args] = command
  try {
    const result = await runCommand({
      file,
      args,
      cwd: home.work,
      env: { ...home.env, ...env },
      patienceMs,
      signal: over.signal,
      hear: (output) => {
        printed = output
        printedAt = performance.now()
      }
    })
    await visit
    if (visit === undefined || !(isDone || (result.code === 0 && !result.isLate)))
      throw new Error(lastWords(result.output) || 'It began no sign-in.')
  } finally {
    clearInterval(timer)
  }
}

/** The same command as it runs for somebody at a terminal (util-linux `script`). */
export const atTerminal = (command: string): readonly string[] => [
  ...['script', '--quiet', '--flush', '--return'],
  ...['--command', `stty cols 2000 2>/dev/null; exec ${command}`, '/dev/null']
]

/** Keys, as printf writes them. */
export const ENTER = '\\r'
export const DOWN = '\\033[B'

/** The same for a program that takes keys on its screen: each is typed when the one before had its time. */
export const typedAtTerminal = (command: string, keys: readonly string[]): readonly string[] => [
  ...['sh', '-c'],
  `(sleep 12; ${keys.map((key) => `printf '${key}'; sleep 2`).join('; ')}; sleep 60) | ${quoted(atTerminal(command))}`
]

const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ')

/** The last lines, for a reason. */
export const lastWords = (output: string): string =>
  output
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-3)
    .join(' / ')
    .slice(0, 300)
