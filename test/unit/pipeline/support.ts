import './valid-reports.js'
import { defineHop } from '../../../src/pipeline/define-hop.js'
import type { HopContext } from '../../../src/pipeline/hop-context.js'
import type { Clock } from '../../../src/runtime/clock.js'

/** Resolves with `value` after `ms` of the clock's time; deaf to signals. */
export function resolveAfter<T>(clock: Clock, ms: number, value: T): Promise<T> {
  return new Promise((resolve) => clock.setTimer(() => resolve(value), ms))
}

/** Rejects with `error` after `ms` of the clock's time. */
export function failAfter(clock: Clock, ms: number, error: unknown): Promise<never> {
  return new Promise((_, reject) => clock.setTimer(() => reject(error), ms))
}

/** An upstream's error with an HTTP status. */
export function httpError(status: number, headers: Record<string, string> = {}): Error {
  return Object.assign(new Error(`secret upstream text ${status}`), { status, headers })
}

/** A hop that answers `value` after `ms`. */
export function slow<T>(clock: Clock, name: string, ms: number, value: T) {
  return defineHop({ name, call: () => resolveAfter(clock, ms, value) })
}

/** A call that plays a list of outcomes, one per attempt; an Error is thrown, anything else is the answer. */
export function script(outcomes: readonly unknown[]) {
  const seen: HopContext<unknown, unknown, unknown>[] = []
  const call = async (context: HopContext<unknown, unknown, unknown>): Promise<unknown> => {
    const outcome = outcomes[Math.min(seen.length, outcomes.length - 1)]
    seen.push(context)
    if (outcome instanceof Error) throw outcome
    return typeof outcome === 'function' ? outcome(context) : outcome
  }
  return { call, seen }
}

/** A promise that never settles. */
export function deaf<T = string>(): Promise<T> {
  return new Promise(() => {})
}
