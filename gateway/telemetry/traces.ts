import type { Clock } from '#shared/clock.ts'
import type { TraceSettings } from '../config/trace-settings.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { TraceContext } from './trace-context.ts'

export type Attributes = Readonly<Record<string, string | number>>

/** What a span says of itself. Every value is from a fixed set, a number, or an id of ours: nothing that somebody wrote. */
export interface SpanFacts {
  /** From a fixed set, as its convention makes it. */
  readonly name: string
  readonly attributes: Attributes
  /** What it failed by (`error.type`); absent when it did not. */
  readonly error?: string | undefined
}

/** A span that is over, and those beneath it. Times are as `Clock.monotonic`. */
export interface EndedSpan extends SpanFacts {
  readonly kind: 'server' | 'client'
  readonly from: number
  readonly to: number
  readonly parts: readonly EndedSpan[]
}

/** The trace of one HTTP request, whose own span begins with it. */
export interface RequestTrace {
  /** 32 hex digits. */
  readonly traceId: string
  /** A W3C `traceparent` of its span, for whoever serves a part of the request. */
  readonly traceparent: string
  /** Whether spans are kept at all; what is added to another one comes to nothing. */
  readonly isSampled: boolean
  /** Continues a caller's trace. Heard only before anything was asked of this one, and if its request named none. */
  adopt(caller: TraceContext | undefined): void
  /** Adds spans beneath its own, for as long as this person (a hash) has some left. */
  add(span: EndedSpan, person: string): void
  /** The request is over. Called once. */
  end(facts: Pick<SpanFacts, 'attributes' | 'error'>): void
}

export interface Traces {
  /** `name` and `attributes` are of the request's own span. */
  begin(
    request: Pick<SpanFacts, 'name' | 'attributes'> & { readonly caller: TraceContext | undefined }
  ): RequestTrace
  /** Sends what waits, for a few seconds at most. May be called more than once. */
  close(): Promise<void>
}

export interface TracesParts {
  readonly settings: TraceSettings
  readonly clock: Clock
  readonly log: Pick<Log, 'warn'>
  readonly metrics: Pick<Metrics, 'traceSpans'>
  /** Attributes of each span of this kind. */
  readonly ofKind: { readonly server: Attributes; readonly client: Attributes }
}

/** Loads what makes traces, only where they are asked for. */
export async function openTraces({
  settings,
  ...parts
}: Omit<TracesParts, 'settings'> & {
  readonly settings: TraceSettings | undefined
}): Promise<Traces | undefined> {
  if (!settings) return undefined
  const { sdkTraces } = await import('./sdk-traces.ts')
  return sdkTraces({ settings, ...parts })
}
