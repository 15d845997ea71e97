/** How long and how often is measured. */
export interface Effort {
  readonly rounds: number
  readonly roundMs: number
  /** Repetitions of what takes long, such as the start of a process. */
  readonly starts: number
  /** Numbers of workers whose memory is measured. */
  readonly workers: readonly number[]
  readonly sessions: number
  readonly neighbourMs: number
  /** Rounds with and without each thing that a fallen worker does. */
  readonly hostileRounds: number
  /** How many people call without a pause and at the pace of people, and how long the latter is watched at least. */
  readonly price: {
    readonly people: readonly number[]
    readonly atHumanPace: readonly number[]
    readonly windowMs: number
  }
  /** What two builds are compared by: how often each thing is measured on both. */
  readonly comparisons: number
}

export const FULL: Effort = {
  rounds: 4,
  roundMs: 2000,
  starts: 100,
  workers: [20, 100],
  sessions: 10_000,
  neighbourMs: 2000,
  hostileRounds: 3,
  price: { people: [1, 4, 20, 100], atHumanPace: [20, 200], windowMs: 15_000 },
  comparisons: 5
}

/** For a look in between: one minute, with more noise. */
export const QUICK: Effort = {
  rounds: 2,
  roundMs: 800,
  starts: 8,
  workers: [10],
  sessions: 1000,
  neighbourMs: 1000,
  hostileRounds: 1,
  price: { people: [1, 20], atHumanPace: [20], windowMs: 10_000 },
  comparisons: 3
}
