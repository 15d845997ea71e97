/** Settings of tracing, by the standard names: OpenTelemetry's "Environment Variable Specification". */

const SAMPLERS = [
  ...(['always_on', 'always_off', 'traceidratio'] as const),
  ...(['parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'] as const)
] as const
export type SamplerName = (typeof SAMPLERS)[number]

export interface TraceSettings {
  /** Where batches of spans are posted (OTLP over HTTP, protobuf). */
  readonly url: string
  readonly sampler: { readonly name: SamplerName; readonly ratio: number }
  /** Whether a caller's `traceparent` is heeded. */
  readonly continues: boolean
  /** Most spans that wait, or are on their way. */
  readonly queueSize: number
  /** Most spans of one request to the collector. */
  readonly batchSize: number
  /** Ms between two of them. */
  readonly delayMs: number
  /** Ms that one may take. */
  readonly timeoutMs: number
}

type Environment = Readonly<Record<string, string | undefined>>
type Warn = (sentence: string) => void

const DEFAULT_URL = 'http://localhost:4318/v1/traces'

/**
 * What the environment asks for; undefined: no traces. An environment often has these variables for many programs at
 * once, so that what cannot be done here stops no gateway: `warn` is told, as the specification wants it.
 */
export function readTraceSettings(environment: Environment, warn: Warn): TraceSettings | undefined {
  const given = (name: string): string | undefined => environment[name]?.trim() || undefined
  if (given('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined
  const exporters = given('OTEL_TRACES_EXPORTER')?.split(',')
  if (exporters && !exporters.includes('otlp')) {
    if (exporters.some((name) => name !== 'none'))
      warn('OTEL_TRACES_EXPORTER names none that is here (otlp, none): no traces are sent.')
    return undefined
  }
  const url = endpointOf(given, exporters !== undefined)
  if (url === undefined) return undefined
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    warn('The OTEL_EXPORTER_OTLP endpoint is no http(s) URL: no traces are sent.')
    return undefined
  }
  const protocol =
    given('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? given('OTEL_EXPORTER_OTLP_PROTOCOL')
  if (protocol !== undefined && protocol !== 'http/protobuf') {
    warn('OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf: no traces are sent.')
    return undefined
  }
  const whole = (name: string, least: number, otherwise: number): number => {
    const value = given(name)
    if (value === undefined) return otherwise
    if (/^\d{1,9}$/.test(value) && Number(value) >= least) return Number(value)
    warn(`${name} must be a whole number from ${least}: ${otherwise} is used.`)
    return otherwise
  }
  const queueSize = whole('OTEL_BSP_MAX_QUEUE_SIZE', 1, 2048)
  return {
    url,
    sampler: samplerOf(given, warn),
    continues: given('OTEL_PROPAGATORS')?.split(',').includes('tracecontext') ?? true,
    queueSize,
    batchSize: Math.min(queueSize, whole('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 1, 512)),
    delayMs: whole('OTEL_BSP_SCHEDULE_DELAY', 0, 5000),
    timeoutMs: whole('OTEL_BSP_EXPORT_TIMEOUT', 1, 30_000)
  }
}

type Given = (name: string) => string | undefined

/** The one for traces is used as it is, to the other one the path is added ("OpenTelemetry Protocol Exporter"). */
function endpointOf(given: Given, isAsked: boolean): string | undefined {
  const base = given('OTEL_EXPORTER_OTLP_ENDPOINT')
  return (
    given('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ??
    (base === undefined ? undefined : `${base.replace(/\/$/, '')}/v1/traces`) ??
    (isAsked ? DEFAULT_URL : undefined)
  )
}

function samplerOf(given: Given, warn: Warn): TraceSettings['sampler'] {
  const usual = 'parentbased_always_on'
  const asked = given('OTEL_TRACES_SAMPLER') ?? usual
  const name = SAMPLERS.find((one) => one === asked)
  if (name === undefined) {
    warn(`OTEL_TRACES_SAMPLER must be one of ${SAMPLERS.join(', ')}: ${usual} is used.`)
    return { name: usual, ratio: 1 }
  }
  const ratio = Number(given('OTEL_TRACES_SAMPLER_ARG') ?? 1)
  if (ratio >= 0 && ratio <= 1) return { name, ratio }
  if (name.endsWith('traceidratio'))
    warn('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1: 1 is used.')
  return { name, ratio: 1 }
}
