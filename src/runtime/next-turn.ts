/** Resolves in the next turn of the event loop: every chained promise has settled by then, however long the chain. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
