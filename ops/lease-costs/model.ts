import type { LeaseCosts } from './measure.ts'

/** As gateways have them: how often leases are renewed, and how long after the last renewal another may take one. */
const RENEW_SECONDS = 2
const LEASE_SECONDS = 12
/** A worker's start, cold: docs/performance.md. On cores of each machine. */
const START_CORE_SECONDS = 0.084

export interface ModelOptions {
  /** Processor cores of a gateway's machine. */
  readonly cores: number
  /** Calls a minute of one person who is at work. */
  readonly callsAMinute: number
}

export interface Model {
  /** Share of the time in which all renew in which the database is busy with it; above 1 it cannot keep up. */
  readonly renewalShare: number
  /** MB a second of the database's log, of renewals alone. */
  readonly logMegabytes: number
  /** How many machines could renew before that fills half of the time. */
  readonly machinesAtHalf: number
  /** Seconds from the death of a machine until the last of its people who call is served, by what each step takes. */
  readonly storm: { readonly lease: number; readonly takes: number; readonly starts: number }
}

/**
 * What follows from measured costs for all machines together. It leaves out what was not measured: a network between
 * gateways and database, and other work of the database.
 */
export function modelOf(costs: LeaseCosts, { cores, callsAMinute }: ModelOptions): Model {
  const share = costs.roundOfAll / RENEW_SECONDS
  const renewalsASecond = (costs.machines * costs.people) / RENEW_SECONDS
  // Who calls while the lease of the dead lasts comes with the first second after it; the others when they call.
  const waiting = costs.people * Math.min(1, (callsAMinute / 60) * LEASE_SECONDS)
  return {
    renewalShare: share,
    logMegabytes: (renewalsASecond * costs.logBytesPerRenewal) / 1e6,
    machinesAtHalf: Math.floor((costs.machines * 0.5) / share),
    storm: {
      lease: LEASE_SECONDS,
      takes: (costs.storm * waiting) / costs.people,
      starts: (waiting * START_CORE_SECONDS) / ((costs.machines - 1) * cores)
    }
  }
}
