/** Traces made with OpenTelemetry's SDK. The only file that loads it, and loaded only where traces are asked for. */
import {
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector
} from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider
} from '@opentelemetry/sdk-trace'
import { VERSION } from '#shared/version.ts'
import type { SamplerName } from '../config/trace-settings.ts'
import { LogRateLimit } from './log-rate-limit.ts'
import { SpanBudget } from './span-budget.ts'
import type { TraceContext } from './trace-context.ts'
import type { EndedSpan, RequestTrace, SpanFacts, Traces, TracesParts } from './traces.ts'

/** What waits may still be sent when the gateway ends, if that takes no longer. */
const FLUSH_MS = 3000
/** More than a busy person's calls make; a worker that says more is cut short. */
const OF_A_PERSON = { most: 6000, windowMs: 60_000 }

/** `service.name` and other attributes of the resource come from the standard variables, which the SDK reads itself. */
export function sdkTraces(parts: TracesParts): Traces {
  const { settings, clock } = parts
  const budget = new SpanBudget(settings.queueSize, parts.metrics.traceSpans)
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'gmail-mcp',
      'service.version': VERSION
    }).merge(
      detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] })
    ),
    sampler: SAMPLERS[settings.sampler.name](settings.sampler.ratio),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: counted(parts, budget),
        maxQueueSize: settings.queueSize,
        maxExportBatchSize: settings.batchSize,
        scheduledDelayMillis: settings.delayMs,
        exportTimeoutMillis: settings.timeoutMs
      })
    ]
  })
  const engine: Engine = {
    ...parts,
    budget,
    tracer: provider.getTracer('gmail-mcp', VERSION),
    people: new LogRateLimit(() => clock.monotonic(), OF_A_PERSON)
  }
  let closed: Promise<void> | undefined
  return {
    begin: ({ caller, ...facts }) => {
      const begun = new SdkRequestTrace(engine, facts)
      begun.adopt(caller)
      return begun
    },
    close() {
      closed ??= atMost(FLUSH_MS, provider.shutdown())
      return closed
    }
  }
}

interface Engine extends TracesParts {
  readonly tracer: Tracer
  readonly budget: SpanBudget
  readonly people: LogRateLimit
}

class SdkRequestTrace implements RequestTrace {
  readonly #engine: Engine
  readonly #facts: Pick<SpanFacts, 'name' | 'attributes'>
  /** The same moment by both clocks: within a request the wall clock's steps shift nothing. */
  readonly #wallAt: number
  readonly #at: number
  #caller: TraceContext | undefined
  #span: Span | undefined

  constructor(engine: Engine, facts: Pick<SpanFacts, 'name' | 'attributes'>) {
    this.#engine = engine
    this.#facts = facts
    this.#wallAt = engine.clock.now()
    this.#at = engine.clock.monotonic()
  }

  get traceId(): string {
    return this.#begun().spanContext().traceId
  }

  get traceparent(): string {
    const { traceId, spanId } = this.#begun().spanContext()
    return `00-${traceId}-${spanId}-${this.isSampled ? '01' : '00'}`
  }

  get isSampled(): boolean {
    return (this.#begun().spanContext().traceFlags & TraceFlags.SAMPLED) !== 0
  }

  adopt(caller: TraceContext | undefined): void {
    if (!this.#span && this.#engine.settings.continues) this.#caller ??= caller
  }

  add(span: EndedSpan, person: string): void {
    if (this.isSampled) this.#add(span, this.#begun(), person)
  }

  end({ attributes, error }: Pick<SpanFacts, 'attributes' | 'error'>): void {
    const span = this.#begun()
    if (!this.isSampled || !this.#engine.budget.take()) return
    span.setAttributes(attributes)
    finish(span, error, this.#wallOf(this.#engine.clock.monotonic()))
  }

  #begun(): Span {
    if (this.#span) return this.#span
    const { tracer, ofKind } = this.#engine
    const { name, attributes } = this.#facts
    const options = {
      kind: SpanKind.SERVER,
      startTime: this.#wallAt,
      attributes: { ...ofKind.server, ...attributes }
    }
    const parent = this.#caller
      ? trace.setSpanContext(ROOT_CONTEXT, {
          traceId: this.#caller.traceId,
          spanId: this.#caller.parentId,
          traceFlags: this.#caller.isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
          isRemote: true
        })
      : ROOT_CONTEXT
    this.#span = tracer.startSpan(name, options, parent)
    return this.#span
  }

  #add({ kind, from, to, parts, ...facts }: EndedSpan, above: Span, person: string): void {
    const { tracer, ofKind, people, budget } = this.#engine
    if (people.pass(person, 'span') === undefined) {
      budget.refuse()
      return
    }
    if (!budget.take()) return
    const options = {
      kind: kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT,
      startTime: this.#wallOf(from),
      attributes: { ...(kind === 'client' && ofKind.client), ...facts.attributes }
    }
    const span = tracer.startSpan(facts.name, options, trace.setSpan(ROOT_CONTEXT, above))
    for (const part of parts) this.#add(part, span, person)
    finish(span, facts.error, this.#wallOf(to))
  }

  readonly #wallOf = (at: number): number => this.#wallAt + at - this.#at
}

function finish(span: Span, error: string | undefined, at: number): void {
  if (error !== undefined)
    span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR })
  span.end(at)
}

/**
 * What goes to the collector. Its answer may quote anything, so that only a code of it is told; and it counts as given up
 * after its time, whether or not it comes.
 */
function counted({ settings, log }: TracesParts, budget: SpanBudget): SpanExporter {
  const { url, timeoutMs } = settings
  const exporter = new OTLPTraceExporter({ url })
  let isFailing = false
  const told = (isOk: boolean, error: Error | undefined): void => {
    if (isOk === !isFailing) return
    isFailing = !isOk
    if (isOk) log.warn('the collector takes traces again')
    else log.warn({ error: codeOf(error) }, 'the collector does not take traces; they are dropped')
  }
  return {
    export(spans, done) {
      let isOver = false
      const over: typeof done = (result) => {
        if (isOver) return
        isOver = true
        clearTimeout(timer)
        budget.giveBack(spans.length, result.code === 0)
        told(result.code === 0, result.error)
        done(result)
      }
      const timer = setTimeout(over, timeoutMs, { code: 1, error: new Error('timeout') }).unref()
      exporter.export(spans, over)
    },
    shutdown: () => exporter.shutdown()
  }
}

/** An HTTP status, or Node's code. */
const codeOf = (error: Error | undefined): string => {
  const { code } = (error ?? {}) as { readonly code?: unknown } // not every error has one
  return /^[A-Z0-9_]{1,40}$/.test(String(code)) ? String(code) : 'none'
}

const SAMPLERS: Readonly<Record<SamplerName, (ratio: number) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (ratio) =>
    new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) })
}

/** Never rejects. */
async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([work.catch(() => {}), late])
  clearTimeout(timer)
}
