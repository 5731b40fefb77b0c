import type { Clock, TimerHandle } from '../runtime/clock.js'
import { createTimerQueue, NO_SLOT, type Timed } from './timer-queue.js'

/** A deadline that is running. */
export type AnswerDeadline = Timed

/** Deadlines of answers from elsewhere. */
export interface AnswerDeadlines {
  /** Calls `onLate` when the answer is late, unless it is removed before. Keeps the process alive. */
  add(budgetMs: number, onLate: () => void): AnswerDeadline
  remove(deadline: AnswerDeadline): void
  /** How long it has been running, less the time this process stood still. */
  spentMs(deadline: AnswerDeadline): number
}

const PULSE_MS = 20
/** Timers are that late on any day. */
const USUAL_LAG_MS = 5
/** Of its budget, how much longer a deadline may become at most. */
const MOST_EXTENSIONS = 4

interface Running extends AnswerDeadline {
  readonly budgetMs: number
  readonly beganAt: number
  readonly blockedBeforeMs: number
  /** What the loop had stood still when this was last judged. */
  blockedMs: number
  extendedMs: number
  hadTurn: boolean
}

/**
 * Returns deadlines that measure whoever is to answer, and not this process: for as long as the event loop was blocked
 * nothing could be sent or received, so that time does not count; and before an answer counts as late the sockets get one
 * turn, for it may be there already.
 */
export function createAnswerDeadlines(clock: Clock): AnswerDeadlines {
  const queue = createTimerQueue(clock)
  let running = 0
  let blockedMs = 0
  let pulseAt = 0
  let pulseTimer: TimerHandle

  const accountFor = (now: number): void => {
    const lagMs = now - pulseAt
    if (lagMs > USUAL_LAG_MS) blockedMs += lagMs
    pulseAt = Math.max(pulseAt, now)
  }
  const pulse = (): void => {
    const now = clock.now()
    accountFor(now)
    pulseAt = now + PULSE_MS
    pulseTimer = clock.setTimer(pulse, PULSE_MS)
  }
  const begin = (now: number): void => {
    running++
    if (running > 1) return
    pulseAt = now + PULSE_MS
    pulseTimer = clock.setTimer(pulse, PULSE_MS)
  }
  const end = (): void => {
    running--
    if (running === 0) clock.clearTimer(pulseTimer)
  }
  const extend = (deadline: Running, now: number, dueAt: number): void => {
    deadline.hadTurn = true
    deadline.dueAt = Math.max(dueAt, now + 1)
    queue.add(deadline, now)
  }

  return {
    add(budgetMs, onLate) {
      const now = clock.now()
      begin(now)
      const deadline: Running = {
        dueAt: now + budgetMs,
        slot: NO_SLOT,
        budgetMs,
        beganAt: now,
        blockedBeforeMs: blockedMs,
        blockedMs,
        extendedMs: 0,
        hadTurn: false,
        onDue(dueNow) {
          accountFor(dueNow)
          const leftMs = budgetMs * MOST_EXTENSIONS - deadline.extendedMs
          const owedMs = Math.min(blockedMs - deadline.blockedMs, leftMs)
          deadline.blockedMs = blockedMs
          if (owedMs > 0) {
            deadline.extendedMs += owedMs
            extend(deadline, dueNow, deadline.dueAt + owedMs)
          } else if (!deadline.hadTurn) extend(deadline, dueNow, dueNow)
          else {
            end()
            onLate()
          }
        },
      }
      queue.add(deadline, now)
      return deadline
    },
    remove(deadline) {
      if (deadline.slot === NO_SLOT) return
      queue.remove(deadline)
      end()
    },
    spentMs(deadline) {
      const { beganAt, blockedBeforeMs } = deadline as Running
      const now = clock.now()
      accountFor(now)
      return Math.max(0, now - beganAt - (blockedMs - blockedBeforeMs))
    },
  }
}
