import type { Clock, TimerHandle } from '../runtime/clock.js'

/** Something to be told when its time has come. The queue owns `slot`. */
export interface Timed {
  dueAt: number
  slot: number
  onDue(now: number): void
}

/** `slot` of what is in no queue. */
export const NO_SLOT = -1

/** A timer that fires this late says that the event loop was blocked, not that the awaited answer is late. */
const BLOCKED_MS = 50

/** Many deadlines behind one timer. */
export interface TimerQueue {
  /** @param now The clock's time, where the caller knows it. */
  add(timed: Timed, now?: number): void
  /** Does nothing for what is not queued. */
  remove(timed: Timed): void
  /** Keeps the timer armed between entries, so that a busy run does not arm it anew for each. */
  retain(): void
  release(): void
}

/**
 * Returns a queue that needs one timer however many deadlines are in it: a binary heap ordered by `dueAt`.
 *
 * The timer keeps the process alive, because somebody's promise depends on each entry; it is gone when the queue is
 * empty and nobody retains it.
 */
export function createTimerQueue(clock: Clock): TimerQueue {
  const heap: Timed[] = []
  let timer: TimerHandle
  let armedAt = Infinity
  let retained = 0
  let gaveTurn = false

  const arm = (dueAt: number, delayMs: number): void => {
    if (armedAt !== Infinity) clock.clearTimer(timer)
    armedAt = dueAt
    timer = clock.setTimer(onTimer, Math.max(0, delayMs), true)
  }
  const disarmIfIdle = (): void => {
    if (heap.length > 0 || retained > 0 || armedAt === Infinity) return
    clock.clearTimer(timer)
    armedAt = Infinity
  }
  const onTimer = (): void => {
    const now = clock.now()
    const late = now - armedAt > BLOCKED_MS
    armedAt = Infinity
    // After a blocked loop the answers may be in the sockets already: they get one turn before they count as late.
    if (late && !gaveTurn) {
      gaveTurn = true
      arm(now, 0)
      return
    }
    gaveTurn = false
    for (let first = heap[0]; first !== undefined && first.dueAt <= now; first = heap[0]) {
      detach(heap, first)
      first.onDue(now)
    }
    const next = heap[0]
    if (next !== undefined && next.dueAt < armedAt) arm(next.dueAt, next.dueAt - now)
  }

  return {
    add(timed, now) {
      attach(heap, timed)
      if (timed.dueAt < armedAt) arm(timed.dueAt, timed.dueAt - (now ?? clock.now()))
    },
    remove(timed) {
      if (timed.slot === NO_SLOT) return
      detach(heap, timed)
      if (heap.length === 0) disarmIfIdle()
    },
    retain() {
      retained++
    },
    release() {
      retained--
      if (retained === 0) disarmIfIdle()
    },
  }
}

function attach(heap: Timed[], timed: Timed): void {
  heap.push(timed)
  siftUp(heap, timed, heap.length - 1)
}

function detach(heap: Timed[], timed: Timed): void {
  const slot = timed.slot
  const last = heap.pop() as Timed
  timed.slot = NO_SLOT
  if (last === timed) return
  const parent = heap[(slot - 1) >> 1]
  if (slot > 0 && parent !== undefined && last.dueAt < parent.dueAt) siftUp(heap, last, slot)
  else siftDown(heap, last, slot)
}

function siftUp(heap: Timed[], timed: Timed, from: number): void {
  let slot = from
  while (slot > 0) {
    const parentSlot = (slot - 1) >> 1
    const parent = heap[parentSlot] as Timed
    if (parent.dueAt <= timed.dueAt) break
    heap[slot] = parent
    parent.slot = slot
    slot = parentSlot
  }
  heap[slot] = timed
  timed.slot = slot
}

function siftDown(heap: Timed[], timed: Timed, from: number): void {
  let slot = from
  for (;;) {
    let childSlot = 2 * slot + 1
    if (childSlot >= heap.length) break
    let child = heap[childSlot] as Timed
    const right = heap[childSlot + 1]
    if (right !== undefined && right.dueAt < child.dueAt) {
      child = right
      childSlot++
    }
    if (child.dueAt >= timed.dueAt) break
    heap[slot] = child
    child.slot = slot
    slot = childSlot
  }
  heap[slot] = timed
  timed.slot = slot
}
