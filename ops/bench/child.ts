import { type ChildProcess, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import type * as z from 'zod'

/** How long a process may take to answer, beyond what it was asked to measure. */
const PATIENCE_MS = 60_000
const GRACE_MS = 15_000

export interface Start {
  readonly flags?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A process of the bench, asked one thing at a time. It must end when its channel closes. */
export class Child {
  readonly #process: ChildProcess
  readonly #messages: AsyncIterator<unknown[]>
  readonly #gone: Promise<unknown>

  constructor(program: string, { flags = [], args = [], env = {} }: Start = {}) {
    this.#process = spawn(process.execPath, [...flags, program, ...args], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc']
    })
    this.#messages = on(this.#process, 'message')
    this.#gone = once(this.#process, 'exit').catch(() => undefined)
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** The next message. Rejects when the process ends or takes too long. */
  async next<T>(schema: z.ZodType<T>, patienceMs = PATIENCE_MS): Promise<T> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(new Error('A process took too long.')), patienceMs)
    const ended = this.#gone.then(() => Promise.reject(new Error('A process of the bench ended.')))
    try {
      const { value } = await Promise.race([this.#messages.next(), ended, late.promise])
      return schema.parse(value?.[0])
    } finally {
      clearTimeout(timer)
      ended.catch(() => {}) // it ends some day
    }
  }

  async ask<T>(question: object, schema: z.ZodType<T>, patienceMs?: number): Promise<T> {
    this.#process.send(question)
    return this.next(schema, patienceMs)
  }

  /** May be called more than once. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), GRACE_MS)
    await this.#gone
    clearTimeout(timer)
  }
}
