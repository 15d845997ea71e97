import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { JWK } from 'jose'
import * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import type { MailboxSnapshot } from './mailbox/mailbox.ts'
import type { Grants } from './sign-in/grants.ts'

/** All that a restart keeps. */
export interface SandboxState {
  readonly seededAt: number
  /** Missing until a key was needed. */
  readonly key?: JWK | undefined
  readonly grants: ReturnType<Grants['snapshot']>
  readonly mailboxes: Record<string, MailboxSnapshot>
}

/** Another one whenever a file of before cannot be read any more. */
const VERSION = 1

/** Only the sandbox writes the file: who finds the version may trust the rest. */
const StateFile = z.object({
  version: z.literal(VERSION),
  state: z.custom<SandboxState>((state) => typeof state === 'object' && state !== null)
})

/** Changes within this time are written together. */
const DELAY_MS = 100

/** The state that an earlier run left; undefined when there is none. Throws when the file is no state. */
export function readState(file: string | undefined): SandboxState | undefined {
  if (file === undefined) return undefined
  try {
    return StateFile.parse(JSON.parse(readFileSync(file, 'utf8'))).state
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Writes the state soon after a change, and at the end. */
export interface StateWriter {
  changed(): void
  /** Writes what is still unwritten. May be called more than once. */
  close(): void
}

interface StateWriterOptions {
  readonly clock: Clock
  state(): SandboxState
  /** Told when the file cannot be written soon after a change; `close` throws instead. */
  onFailure(error: unknown): void
}

/** A writer to `file`, which is replaced whole so that a crash leaves the old or the new state. */
export function openStateWriter(
  file: string | undefined,
  { clock, state, onFailure }: StateWriterOptions
): StateWriter {
  if (file === undefined) return { changed: () => {}, close: () => {} }
  let cancel: (() => void) | undefined
  const write = () => {
    cancel = undefined
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(`${file}.new`, JSON.stringify({ version: VERSION, state: state() }), {
      mode: 0o600
    })
    renameSync(`${file}.new`, file)
  }
  return {
    changed() {
      cancel ??= clock.after(DELAY_MS, () => {
        try {
          write()
        } catch (error) {
          onFailure(error)
        }
      })
    },
    close() {
      if (!cancel) return
      cancel()
      write()
    }
  }
}
