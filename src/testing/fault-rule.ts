import { checkFunction, wholeNumber } from '../resilience/option-shape.js'
import type { Clock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'

/** What happens to the calls a rule applies to. Every method returns the rule itself; what is not said stays whole. */
export interface FaultRule {
  /** Waits before anything else happens. */
  delay(time: Duration): FaultRule
  /** Waits until `restore()`, then goes on: a store that is frozen and thaws. */
  hang(): FaultRule
  /** Rejects; the store never hears of the call. @defaultValue an `Error` that says so */
  fail(error?: unknown): FaultRule
  /** The store executes the call and its answer is lost: the call rejects. @defaultValue an `Error` that says so */
  failReply(error?: unknown): FaultRule
  /** The store executes the call and its answer never comes: the call never settles. */
  dropReply(): FaultRule
  /**
   * Changes the bytes of an entry on its way from a `read`; other calls pass.
   *
   * @defaultValue flips every bit of the byte in the middle
   */
  corrupt(change?: (body: Uint8Array) => Uint8Array): FaultRule
  /** The rule ends after it applied so often. @defaultValue never */
  times(count: number): FaultRule
  /** Lets so many calls pass first. @defaultValue `0` */
  after(count: number): FaultRule
}

/** A rule as the store and the bus ask it. */
export interface Plan {
  delayMs: number
  hangs: boolean
  /** Wrapped, because anything can be thrown. */
  failure: { readonly error: unknown } | undefined
  replyFailure: { readonly error: unknown } | undefined
  dropsReply: boolean
  corrupt: ((body: Uint8Array) => Uint8Array) | undefined
  left: number
  passes: number
}

/** A rule that does nothing yet, and what it will do. */
export function createRule(): { readonly rule: FaultRule; readonly plan: Plan } {
  const plan: Plan = {
    delayMs: 0,
    hangs: false,
    failure: undefined,
    replyFailure: undefined,
    dropsReply: false,
    corrupt: undefined,
    left: Infinity,
    passes: 0,
  }
  const set = (change: Partial<Plan>): FaultRule => {
    Object.assign(plan, change)
    return rule
  }
  const rule: FaultRule = {
    delay: (time) => set({ delayMs: parseDuration(time, 'delay') }),
    hang: () => set({ hangs: true }),
    fail: (error = new Error('the store failed, as told')) => set({ failure: { error } }),
    failReply: (error = new Error('the reply was lost, as told')) => set({ replyFailure: { error } }),
    dropReply: () => set({ dropsReply: true }),
    corrupt(change = flipMiddle) {
      checkFunction(change, 'corrupt', 'a function of the bytes')
      return set({ corrupt: change })
    },
    times: (count) => set({ left: wholeNumber(count, 'times', 1) }),
    after: (count) => set({ passes: wholeNumber(count, 'after', 0) }),
  }
  return { rule, plan }
}

/** Whether a rule applies to this call; counts it if so. */
export function applies(plan: Plan): boolean {
  if (plan.left === 0) return false
  if (plan.passes > 0) {
    plan.passes--
    return false
  }
  plan.left--
  return true
}

/** Resolves after `ms` of the clock's time. */
export function wait(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(resolve, ms, true)
  })
}

function flipMiddle(body: Uint8Array): Uint8Array {
  const middle = body.length >> 1
  if (body.length === 0) return Uint8Array.of(0xff)
  body[middle] = (body[middle] as number) ^ 0xff
  return body
}
