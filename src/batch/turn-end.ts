/**
 * Calls `callback` at the end of this turn: after every promise that settles because of what runs now, and before timers
 * and sockets. So calls that are made close together, also one after another's answer, are seen together.
 */
export function atTurnEnd(callback: () => void): void {
  void SETTLED.then(() => process.nextTick(callback))
}

const SETTLED = Promise.resolve()
