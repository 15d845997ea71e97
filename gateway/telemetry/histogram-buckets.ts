/** Buckets of histograms, in seconds: they fit what is promised of each, and so tell when it is not kept. */
export const OVERHEAD: readonly number[] = [
  0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.05, 0.1, 1
]
export const SPAWN: readonly number[] = [0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]
export const CALL: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120
]
export const WAIT: readonly number[] = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10]
export const LIFETIME: readonly number[] = [1, 60, 600, 3600, 21_600, 86_400, 604_800]
