export type { HttpError, HttpPhase } from '../errors/http-error.js'
export {
  DEADLINE_HEADER,
  type DeadlineFromOptions,
  deadlineFrom,
  deadlineHeaders,
  type RequestHeaders,
} from '../resilience/deadline-header.js'
export type { Duration } from '../runtime/duration.js'
export type { StandardSchema } from '../runtime/standard-schema.js'
export type { CallContext, CallOptions, HttpMethod, MethodOptions, QueryValue } from './call-options.js'
export type { AuthRequest, AuthSource, ModuleAuth } from './credentials.js'
export type { ModuleClient, ReadCall, StreamedAnswer, WriteCall } from './module-client.js'
export type { ModuleOptions } from './module-options.js'
export type { OriginStats } from './origin-meter.js'
export { createPool, type Pool, type PoolStats } from './pool.js'
export { type CallTimeouts, POOL_SIZES, type PoolOptions } from './pool-options.js'
export type { ProviderReport, ProviderState } from './provider-meter.js'
