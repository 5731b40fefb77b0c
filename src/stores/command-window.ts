/** Lets only so many commands be on their way at once; the others wait here, in their order. */
export interface CommandWindow {
  /** Calls that wait. */
  readonly waiting: number
  /** Calls `start` now or when there is room; it calls `occupy` if it does send something. */
  enter(start: () => void): void
  occupy(commands: number): void
  leave(commands: number): void
}

/**
 * Returns an empty window.
 *
 * A command that waits for its turn in this process must not count as one the server is slow to answer: ten thousand at
 * once take a healthy server longer than the budget of one of them.
 */
export function createCommandWindow(most: number): CommandWindow {
  let underWay = 0
  let queue: (() => void)[] = []
  let head = 0
  let isDraining = false

  const drain = (): void => {
    isDraining = false
    while (head < queue.length && underWay < most) {
      const start = queue[head] as () => void
      head++
      start()
    }
    if (head === queue.length) {
      queue = []
      head = 0
    }
  }

  return {
    get waiting() {
      return queue.length - head
    },
    enter(start) {
      if (underWay < most && head === queue.length) start()
      else queue.push(start)
    },
    occupy(commands) {
      underWay += commands
    },
    leave(commands) {
      underWay -= commands
      if (isDraining || head === queue.length) return
      isDraining = true
      // Later: of those that fail together, the breaker should have heard before the next ones are sent.
      queueMicrotask(drain)
    },
  }
}
