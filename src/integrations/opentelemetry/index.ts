export type { Attributes, MeterLike, OpenTelemetryApi, SpanLike, TracerLike } from './api.js'
export { type Instrumentation, type InstrumentOptions, instrument } from './instrument.js'
export { toSpans } from './run-spans.js'
