/** What a worker of the bench does to its gateway when it is told to. None of them comes to an end by itself. */
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { FRAME, HEADER_BYTES, LINK_FD, writeHeader } from '#shared/multiplexer/frames.ts'

export const MISDEEDS = [
  'rubbish',
  'endless',
  'flood',
  'prints',
  'sleeps',
  'spins'
] as const satisfies readonly string[]
export type Misdeed = (typeof MISDEEDS)[number]

const MIB = 2 ** 20
const MESSAGES_PER_SECOND = 100_000
const TURN_MS = 10
const STDOUT = 1

export const misdeeds: Readonly<Record<Misdeed, () => void | Promise<void>>> = {
  rubbish: () => insist(Buffer.from('no message\n{"type":\n')),
  /** 300 MB without an end. */
  async endless() {
    const piece = Buffer.alloc(MIB, 'a')
    for (let mebibytes = 0; mebibytes < 300; mebibytes += 1) await insist(piece)
  },
  /** Messages that are in order, each by itself. */
  async flood() {
    const turn = Buffer.concat(
      Array.from({ length: (MESSAGES_PER_SECOND / 1000) * TURN_MS }, () =>
        frameOf({ type: 'log', level: 'info', message: 'x' })
      )
    )
    for (;;) await Promise.all([insist(turn), sleep(TURN_MS)])
  },
  async prints() {
    const piece = Buffer.alloc(MIB, '\n')
    for (;;) await insist(piece, STDOUT)
  },
  /** Reads nothing any more. */
  sleeps: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  spins() {
    for (;;);
  }
}

function frameOf(message: object): Buffer {
  const payload = Buffer.from(JSON.stringify(message))
  const header = Buffer.alloc(HEADER_BYTES)
  writeHeader(header, FRAME.message, payload.length, 0)
  return Buffer.concat([header, payload])
}

/** Writes all of it, past everything that would wait. */
async function insist(bytes: Buffer, fd = LINK_FD): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
      await sleep(1)
    }
  }
}
