import { cpus, release, totalmem, type } from 'node:os'

/** What the figures were measured on; nothing that names the machine itself. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly node: string
  readonly kernel: string
}

export const thisMachine = (): Machine => ({
  cpu: cpus()[0]?.model ?? 'unknown processor',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.versions.node,
  kernel: `${type()} ${release().split('-')[0] ?? ''}`
})
