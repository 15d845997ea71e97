import { setImmediate } from 'node:timers/promises'

/** Resolves when every promise that can settle by itself has done so. */
export const settled = async (): Promise<void> => {
  await setImmediate()
}
