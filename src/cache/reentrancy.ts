import { type AsyncContext, createAsyncContext } from '../runtime/async-context.js'
import type { Load } from './load-record.js'

/** The loads a call chain is part of, innermost first. */
interface Held {
  readonly load: Load
  readonly outer: Held | undefined
}

const held: AsyncContext<Held> = createAsyncContext()

/** Runs a loader so that everything it calls, however later, is known to be part of its load. */
export function runHolding<T>(load: Load, call: () => T): T {
  return held.run({ load, outer: held.current() }, call)
}

/** The same for a call that is part of several loads at once. */
export function runHoldingAll<T>(loads: readonly Load[], call: () => T): T {
  const inner = loads.reduce<Held | undefined>((outer, load) => ({ load, outer }), held.current())
  return inner === undefined ? call() : held.run(inner, call)
}

/** Whether the present call is part of a load: it would wait for itself. */
export function isHeld(load: Load): boolean {
  for (let at = held.current(); at !== undefined; at = at.outer) if (at.load === load) return true
  return false
}
