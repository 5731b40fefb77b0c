import type { RecordContext, RecordHost, RecordOptions, RecordOutcome, Records } from '../../../src/cache/records.js'
import { digestOf } from '../../../src/keys/digest.js'
import { Flight } from '../../../src/resilience/single-flight.js'
import type { Clock } from '../../../src/runtime/clock.js'
import { parseDuration } from '../../../src/runtime/duration.js'

interface Entry {
  readonly value: unknown
  readonly storedAt: number
  readonly ttlMs: number
}

/** A namespace as a hop sees it, in a Map. */
export interface FakeRecords extends RecordHost {
  readonly entries: Map<string, Entry>
  readonly stored: unknown[]
  readonly used: { tokens: number; money: number }
}

export function fakeRecords(clock: Clock): FakeRecords {
  const entries = new Map<string, Entry>()
  const stored: unknown[] = []
  const used = { tokens: 0, money: 0 }
  const flights = new Map<string, Flight<RecordOutcome<unknown>>>()

  const begin = (id: string, loader: (context: RecordContext) => Promise<unknown>, options: RecordOptions<unknown>) => {
    const flight = new Flight<RecordOutcome<unknown>>(() => flights.delete(id))
    flights.set(id, flight)
    const usage = {
      add({ tokens = 0, money = 0 }: { tokens?: number; money?: number }) {
        used.tokens += tokens
        used.money += money
      },
    }
    loader({ signal: flight.signal, usage, stale: undefined, setTtl: () => {} }).then(
      (value) => {
        flights.delete(id)
        if (options.cacheable?.(value) ?? true) {
          stored.push(value)
          entries.set(id, { value, storedAt: clock.now(), ttlMs: parseDuration(options.ttl ?? '1m') })
        }
        flight.resolve({ value, status: 'miss', ageMs: 0 })
      },
      (error) => {
        flights.delete(id)
        flight.reject(error)
      },
    )
    return flight
  }

  return {
    name: 'fake',
    entries,
    stored,
    used,
    records<R>(name: string): Records<R> {
      const idOf = (key: unknown, scope?: string): string => digestOf([name, scope, key])
      return {
        async load(key, loader, options = {}) {
          let id: string
          try {
            id = idOf(key, options.scope)
          } catch {
            const flight = begin('', loader, { ...(options as RecordOptions<unknown>), cacheable: () => false })
            return { ...((await flight.join(options.signal)) as RecordOutcome<R>), status: 'bypass' }
          }
          const entry = entries.get(id)
          const oldest = Math.min(entry?.ttlMs ?? 0, parseDuration(options.maxAge ?? Infinity) + 1)
          if (entry !== undefined && !options.forceFresh && clock.now() < entry.storedAt + oldest) {
            return { value: entry.value as R, status: 'hit', ageMs: clock.now() - entry.storedAt }
          }
          const known = options.forceFresh ? undefined : flights.get(id)
          const flight = known ?? begin(id, loader, options as RecordOptions<unknown>)
          const outcome = (await flight.join(options.signal)) as RecordOutcome<R>
          return known === undefined ? outcome : { ...outcome, status: 'coalesced' }
        },
        hit: () => undefined,
        hitOf: () => () => undefined,
        async stale(key, maxAgeMs, options = {}) {
          const entry = entries.get(idOf(key, options.scope))
          if (entry === undefined || clock.now() > entry.storedAt + entry.ttlMs + maxAgeMs) return undefined
          return { value: entry.value as R, status: 'stale', ageMs: clock.now() - entry.storedAt }
        },
      }
    },
  }
}
