/** Attributes of a span or a measurement. */
export type Attributes = Readonly<Record<string, AttributeValue>>

/** What an attribute may be. */
export type AttributeValue = string | number | boolean | string[]

/** The part of a span that is used. */
export interface SpanLike {
  setStatus(status: { readonly code: number; readonly message?: string }): unknown
  end(endTime?: number): void
}

/** The part of a tracer that is used. */
export interface TracerLike<Context = unknown> {
  startSpan(
    name: string,
    options: {
      readonly startTime: number
      readonly kind?: number
      readonly attributes: Record<string, AttributeValue>
    },
    context?: Context,
  ): SpanLike
}

/** What a callback of an instrument is given. */
export interface ObservableResultLike {
  observe(value: number, attributes?: Record<string, string | number | boolean>): void
}

/** An instrument that is asked for its value. */
export interface ObservableLike {
  addCallback(callback: (result: ObservableResultLike) => void): void
  removeCallback(callback: (result: ObservableResultLike) => void): void
}

/** The part of a meter that is used. */
export interface MeterLike {
  createObservableCounter(
    name: string,
    options?: { readonly description?: string; readonly unit?: string },
  ): ObservableLike
  createObservableGauge(
    name: string,
    options?: { readonly description?: string; readonly unit?: string },
  ): ObservableLike
}

/**
 * The part of `@opentelemetry/api` that is used: `import * as api from '@opentelemetry/api'`, and hand it over.
 *
 * Handed over and not imported, so that spans go to the host's own copy of it, whatever its version.
 */
export interface OpenTelemetryApi<Context = unknown> {
  readonly context: { active(): Context }
  readonly trace: {
    getTracer(name: string, version?: string): TracerLike<Context>
    // biome-ignore lint/suspicious/noExplicitAny: the host's own span type, handed from one of its functions to the other.
    setSpan(context: Context, span: any): Context
  }
  readonly metrics: { getMeter(name: string, version?: string): MeterLike }
}

/** `SpanStatusCode.ERROR`. */
export const STATUS_ERROR = 2
/** `SpanKind.INTERNAL`: work within the process. */
export const KIND_INTERNAL = 0
/** `SpanKind.CLIENT`: a call that leaves the process. */
export const KIND_CLIENT = 2

/** Name under which tracers and meters are asked for. */
export const SCOPE = 'hopstash'
