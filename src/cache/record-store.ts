import { parseDuration } from '../runtime/duration.js'
import type { ReadOptions } from './call-options.js'
import { missedReplay } from './mode.js'
import { createOutcome } from './outcome.js'
import { plainHit } from './plain-hit.js'
import { identify, read } from './read.js'
import type { RecordContext, RecordOptions, RecordOutcome, Records } from './records.js'
import type { NamespaceState } from './state.js'
import { usageOf } from './usage-meter.js'
import { timesOf, validEntry, valueFor } from './valid.js'
import { viewOf } from './view.js'
import type { ReadStatus } from './words.js'

/** Records of one hop, wire format or route: under their own key part, bounded and invalidated with the namespace. */
export function createRecords<R>(host: NamespaceState, name: string): Records<R> {
  const state = viewOf(host, name, 'record')
  return {
    load: (key, loader, options) => loadRecord(state, key, loader, options) as Promise<RecordOutcome<R>>,
    hit: (key) => hitRecord(state, idOf(state, key)) as RecordOutcome<R> | undefined,
    hitOf: (key) => {
      const id = idOf(state, key)
      return () => hitRecord(state, id) as RecordOutcome<R> | undefined
    },
    stale: async (key, maxAgeMs, options) =>
      staleRecord(state, key, maxAgeMs, options?.scope) as RecordOutcome<R> | undefined,
  }
}

async function loadRecord<R>(
  state: NamespaceState,
  key: unknown,
  loader: (context: RecordContext) => Promise<R>,
  options: RecordOptions<R> = {},
): Promise<RecordOutcome<R>> {
  const { keepStaleFor, cacheable, standIn = false, keyless, describe, ...rest } = options
  const outcome = createOutcome('getOrSet', state.name)
  let id: string
  try {
    id = identify(state, key, options.scope)
  } catch (error) {
    const why = keyless === undefined ? error : keyless.error
    // Without a key nothing is shared: a scope has nothing to keep apart.
    const isRefused = state.live.policy.strict || (keyless === undefined && state.requireScope)
    if (isRefused && why !== undefined) throw why
    state.counters.bypassed++
    if (state.recording.mode === 'replay') throw await missedReplay(state, { input: key, describe: options.describe })
    return {
      value: await loader({ signal: options.signal ?? NEVER, usage: usageOf(state), stale: undefined, setTtl() {} }),
      status: 'bypass',
      ageMs: 0,
    }
  }
  const keptForMs = keepStaleFor === undefined ? 0 : parseDuration(keepStaleFor, 'keepStaleFor')
  const request = {
    id,
    input: key,
    loader,
    options: rest as ReadOptions,
    keepStaleForMs: standIn ? undefined : keptForMs,
    cacheable: cacheable as ((value: unknown) => boolean) | undefined,
    describe,
  }
  const value = (await read(state, request, outcome)) as R
  return { value, status: outcome.status as ReadStatus, ageMs: outcome.ageMs, ttlMs: outcome.ttlMs }
}

const NEVER = new AbortController().signal

function idOf(state: NamespaceState, key: unknown): string | undefined {
  try {
    return identify(state, key, undefined)
  } catch {
    return undefined
  }
}

function hitRecord(state: NamespaceState, id: string | undefined): RecordOutcome<unknown> | undefined {
  const entry = id === undefined ? undefined : plainHit(state, id)
  if (entry === undefined) return undefined
  const now = state.clock.now()
  const { storedAt, freshUntil } = timesOf(entry)
  return {
    value: entry.value,
    status: 'hit',
    ageMs: Math.max(0, now - storedAt),
    ttlMs: Math.max(0, freshUntil - now),
  }
}

function staleRecord(
  state: NamespaceState,
  key: unknown,
  maxAgeMs: number,
  scope: string | undefined,
): RecordOutcome<unknown> | undefined {
  let id: string
  try {
    id = identify(state, key, scope)
  } catch {
    // Nothing was ever kept under a key without a canonical form.
    return undefined
  }
  const entry = validEntry(state, id)
  if (entry === undefined) return undefined
  const now = state.clock.now()
  const times = timesOf(entry)
  if (now > times.freshUntil + parseDuration(maxAgeMs, 'maxAgeMs')) return undefined
  return { value: valueFor(entry), status: now < times.freshUntil ? 'hit' : 'stale', ageMs: now - times.storedAt }
}
