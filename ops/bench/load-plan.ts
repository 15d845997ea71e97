import * as z from 'zod'

const Client = z.object({
  origin: z.string(),
  socketPath: z.string().optional(),
  headers: z.record(z.string(), z.string()),
  era: z.literal(['2025', '2026']).optional()
})

const Side = z.object({
  name: z.string(),
  clients: z.array(Client),
  /** The process that all others of this side come from. What they spend in its rounds is then measured. */
  root: z.int().positive().optional()
})
export type Side = z.infer<typeof Side>

/** What the load generator is told to do. Every client of a side has a connection and a session of its own. */
export const LoadPlan = z.object({
  sides: z.array(Side),
  rounds: z.int().positive(),
  roundMs: z.number().positive(),
  /** Before the first round that counts, so that every process has compiled its way. */
  warmUpMs: z.number().positive().default(800),
  /** What is timed: a call of the tool, or a session's whole start on a connection of its own. */
  deed: z.enum(['call', 'start']).default('call'),
  tool: z.enum(['echo', 'burn']).default('echo'),
  /** What the tool is called with. */
  args: z.record(z.string(), z.union([z.string(), z.number()])).default({ text: 'hello' }),
  /** Calls per second of each client; without it each calls as soon as it has its answer. */
  pace: z.number().positive().optional(),
  /** Clients that call `burn` without a pause in the rounds of this side. */
  burners: z.object({ side: z.string(), clients: z.array(Client) }).optional()
})
export type LoadPlan = z.input<typeof LoadPlan>

/** What came of it. A latency is in ms, from the first byte sent to the last one of the last answer read. */
export const LoadResult = z.record(
  z.string(),
  z.object({
    latencies: z.array(z.number()),
    seconds: z.number(),
    /** Seconds of processor time in the rounds that count: of the side's root, and of all below it. */
    spent: z.object({ root: z.number(), below: z.number() }),
    /** With those of the warm-up, which have no latency here. */
    deeds: z.int()
  })
)
export type LoadResult = z.infer<typeof LoadResult>
