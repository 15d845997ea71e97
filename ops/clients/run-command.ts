import { spawn } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Written to its stdin, which ends then; without it there is no stdin. */
  readonly input?: string
  /** It is ended after this. */
  readonly patienceMs: number
  /** Hears all output so far, whenever there is more; may end the command by the signal. */
  readonly hear?: (output: string) => void
  readonly signal?: AbortSignal
}

export interface CommandResult {
  /** The exit code; null when a signal ended it. */
  readonly code: number | null
  /** stdout and stderr as they came, without the codes that colour a terminal. */
  readonly output: string
  readonly stdout: string
  readonly isLate: boolean
}

const KILL_AFTER_MS = 3000
const MOST_OUTPUT = 2_000_000

/** Runs a program to its end, with all that it started. Never rejects for what the program does. */
export async function runCommand(command: Command): Promise<CommandResult> {
  const child = spawn(command.file, [...command.args], {
    cwd: command.cwd,
    env: { ...command.env },
    stdio: [command.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    // A group of its own, which can be ended as a whole by its number.
    detached: true
  })
  let stdout = ''
  let output = ''
  const hear = (chunk: Buffer, isOut: boolean): void => {
    if (output.length > MOST_OUTPUT) return
    const text = chunk.toString('utf8')
    output += text
    if (isOut) stdout += text
    command.hear?.(plain(output))
  }
  child.stdout?.on('data', (chunk: Buffer) => hear(chunk, true))
  child.stderr?.on('data', (chunk: Buffer) => hear(chunk, false))
  child.stdin?.on('error', () => {}) // it may end without reading
  child.stdin?.end(command.input)
  let isLate = false
  const end = (signal: NodeJS.Signals): void => endGroup(child.pid, signal)
  const onAbort = (): void => end('SIGTERM')
  command.signal?.addEventListener('abort', onAbort)
  const term = setTimeout(() => {
    isLate = true
    end('SIGTERM')
  }, command.patienceMs)
  const kill = setTimeout(() => end('SIGKILL'), command.patienceMs + KILL_AFTER_MS)
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      output += String(error)
      resolve(null)
    })
    // What it leaves behind may hold the pipes open: 'exit', not 'close'.
    child.on('exit', (status) => setTimeout(() => resolve(status), 100))
  })
  clearTimeout(term)
  clearTimeout(kill)
  command.signal?.removeEventListener('abort', onAbort)
  end('SIGKILL')
  return { code, output: plain(output), stdout: plain(stdout), isLate }
}

/** Ends a process and all of its group; nothing when they are gone. */
export function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // gone already
  }
}

/** Without the codes that colour a terminal. */
const plain = (text: string): string => stripVTControlCharacters(text).replaceAll('\r', '')
