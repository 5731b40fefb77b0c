import type { Channel } from '../runtime/channels.js'
import type { MissCause, ReadStatus, Tier } from './words.js'

/** Name of the diagnostics channel every cache operation is published on. */
export const CACHE_CHANNEL = 'hopstash:cache'

/**
 * What one operation came to: filled once, published once, read by statistics, logs and tracing alike.
 *
 * Never a value, a raw key or a scope: `key` is a short digest.
 */
export interface CacheOutcome {
  readonly operation: CacheOperation
  readonly namespace: string
  /** Short digest of the key; `undefined` where no single key is meant. */
  key: string | undefined
  status: ReadStatus | 'done' | 'failed'
  tier: Tier | undefined
  cause: MissCause | undefined
  ageMs: number
  ttlMs: number | undefined
  durationMs: number
  /** How long the loader took that this operation called; `undefined` where it called none, or did not wait for it. */
  loadMs: number | undefined
  /** What was not at its best, such as `store:timeout`. */
  degraded: readonly string[]
  /** Name and code of an error, never its message. */
  error: { readonly name: string; readonly code: string | undefined } | undefined
}

/** What an outcome may be about. */
export type CacheOperation =
  | 'getOrSet'
  | 'get'
  | 'set'
  | 'delete'
  | 'expire'
  | 'clear'
  | 'invalidateTags'
  | 'refresh'
  | 'writeThrough'

const NOT_DEGRADED: readonly string[] = Object.freeze([])

/** Returns an outcome with nothing known yet. */
export function createOutcome(operation: CacheOperation, namespace: string): CacheOutcome {
  return {
    operation,
    namespace,
    key: undefined,
    status: 'miss',
    tier: undefined,
    cause: undefined,
    ageMs: 0,
    ttlMs: undefined,
    durationMs: 0,
    loadMs: undefined,
    degraded: NOT_DEGRADED,
    error: undefined,
  }
}

/** Publishes an outcome. A subscriber that throws is its own problem: diagnostics channels report it apart. */
export function publishOutcome(channel: Channel, outcome: CacheOutcome): void {
  channel.publish(outcome)
}

/** Name and code of whatever was thrown. */
export function errorTag(error: unknown): CacheOutcome['error'] {
  if (typeof error !== 'object' || error === null) return { name: typeof error, code: undefined }
  try {
    const { name, code } = error as { name?: unknown; code?: unknown }
    return { name: typeof name === 'string' ? name : 'Error', code: typeof code === 'string' ? code : undefined }
  } catch {
    // Its caller is to get this very error, and not what a getter of it throws.
    return { name: 'Error', code: undefined }
  }
}
