// The real one: a test runner that fakes timers fakes this one, too, and nobody would ever fire it.
const { setImmediate: immediate } = globalThis

/** Resolves in the next turn of the event loop: every chained promise has settled by then, however long the chain. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => immediate(resolve))
}
