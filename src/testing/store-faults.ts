import { optionUnknown } from '../errors/option-error.js'
import { checkShape, resolveClock } from '../resilience/option-shape.js'
import type { Clock } from '../runtime/clock.js'
import { applies, createRule, type FaultRule, type Plan, wait } from './fault-rule.js'

/** What a shared store can be asked to do. */
export type StoreOperation = (typeof OPERATIONS)[number]

const OPERATIONS = [
  'read',
  'token',
  'write',
  'set',
  'kill',
  'expire',
  'bump',
  'forget',
  'lease',
  'renew',
  'release',
  'ping',
] as const

/** What happens to messages. Every method returns the rule itself. */
export interface MessageRule {
  /** They arrive late, and so out of order with others. */
  delay(time: Parameters<FaultRule['delay']>[0]): MessageRule
  drop(): MessageRule
  /** They arrive twice. */
  duplicate(): MessageRule
  /** The rule ends after so many messages. @defaultValue never */
  times(count: number): MessageRule
  /** Lets so many messages pass first. @defaultValue `0` */
  after(count: number): MessageRule
}

/** Where a store finds what its faults do. */
export const ENGINE: unique symbol = Symbol('hopstash.faults')

/** What is wrong with a store and its bus, for every {@link faultyStore} that was given it. */
export interface StoreFaults {
  readonly [ENGINE]: FaultEngine
  /** A rule for some operations, for all of them without a name. The rule declared last that still applies counts. */
  on(...operations: readonly StoreOperation[]): FaultRule
  /** A rule for messages of peers. */
  onMessage(): MessageRule
  /** The subscription is lost, and its listener told so. */
  cutBus(): StoreFaults
  /** The subscription is in place again. */
  healBus(): StoreFaults
  /** Ends all rules, lets what hangs go on, heals the bus. */
  restore(): StoreFaults
  /** How many calls were made, of one operation or of all. */
  calls(operation?: StoreOperation): number
  /** How many calls hang now. */
  readonly hanging: number
}

/** Options of {@link createStoreFaults}. */
export interface StoreFaultsOptions {
  /** Time for delays. @defaultValue the real one */
  readonly clock?: Clock
}

/** What a faulty store needs of its faults. */
export interface FaultEngine {
  call<T>(operation: StoreOperation, execute: () => Promise<T>, corrupted: (reply: T, change: Change) => T): Promise<T>
  message(deliver: () => void): void
  /** Calls back at each change of the bus. */
  watchBus(listener: (isCut: boolean) => void): void
  readonly isBusCut: boolean
}

type Change = (body: Uint8Array) => Uint8Array

interface Rule {
  readonly operations: readonly StoreOperation[]
  readonly plan: Plan
}

interface MessagePlan {
  readonly plan: Plan
  drops: boolean
  copies: number
}

/**
 * Returns faults to give a store on purpose: none at first. With a fake clock nothing sleeps.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { namespace } from 'hopstash'
 * import { createSimulatedStore, createStoreFaults, createTestStash, faultyStore } from 'hopstash/testing'
 * const faults = createStoreFaults()
 * const store = faultyStore(createSimulatedStore().connect(), faults)
 * const stash = createTestStash({ store, namespaces: { letters: namespace<string, string>({ ttl: '1h' }) } })
 * faults.on('read').fail().times(1)
 * await stash.letters.getOrSet('a', () => 'Dear …') // => 'Dear …'
 * faults.calls('read') // => 1
 * await stash.close()
 */
export function createStoreFaults(options: StoreFaultsOptions = {}): StoreFaults {
  checkShape('createStoreFaults', options, ['clock'])
  const clock = resolveClock(options.clock)
  let rules: Rule[] = []
  let messageRules: MessagePlan[] = []
  const thaws = new Set<() => void>()
  const watchers = new Set<(isCut: boolean) => void>()
  const counts = new Map<StoreOperation, number>()
  let isBusCut = false

  const turnBus = (cut: boolean): StoreFaults => {
    if (cut !== isBusCut) {
      isBusCut = cut
      for (const watcher of watchers) watcher(cut)
    }
    return faults
  }
  const thawed = (): Promise<void> => new Promise((resolve) => void thaws.add(resolve))

  const engine: FaultEngine = {
    async call(operation, execute, corrupted) {
      counts.set(operation, (counts.get(operation) ?? 0) + 1)
      const plan = rules.find((rule) => rule.operations.includes(operation) && applies(rule.plan))?.plan
      if (plan === undefined) return execute()
      // A rule may be told more after this call began: it keeps to what it met.
      const { delayMs, hangs, failure, replyFailure, dropsReply, corrupt } = plan
      if (delayMs > 0) await wait(clock, delayMs)
      if (hangs) await thawed()
      if (failure !== undefined) throw failure.error
      const reply = await execute()
      if (replyFailure !== undefined) throw replyFailure.error
      if (dropsReply) return new Promise(() => {})
      return corrupt === undefined ? reply : corrupted(reply, corrupt)
    },
    message(deliver) {
      const found = messageRules.find(({ plan }) => applies(plan))
      if (found?.drops === true) return
      const { copies = 1, plan } = found ?? {}
      for (let copy = 0; copy < copies; copy++) {
        if (plan === undefined || plan.delayMs === 0) deliver()
        else clock.setTimer(deliver, plan.delayMs)
      }
    },
    watchBus: (listener) => void watchers.add(listener),
    get isBusCut() {
      return isBusCut
    },
  }
  const faults: StoreFaults = {
    [ENGINE]: engine,
    on(...operations) {
      for (const name of operations) {
        if (!OPERATIONS.includes(name)) throw optionUnknown('the operations of a store', name, OPERATIONS)
      }
      const { rule, plan } = createRule()
      rules.unshift({ operations: operations.length === 0 ? OPERATIONS : operations, plan })
      return rule
    },
    onMessage() {
      const { rule, plan } = createRule()
      const made: MessagePlan = { plan, drops: false, copies: 1 }
      messageRules.unshift(made)
      return messageRule(rule, made)
    },
    cutBus: () => turnBus(true),
    healBus: () => turnBus(false),
    restore() {
      rules = []
      messageRules = []
      for (const thaw of thaws) thaw()
      thaws.clear()
      return turnBus(false)
    },
    calls: (operation) =>
      operation === undefined ? [...counts.values()].reduce((a, b) => a + b, 0) : (counts.get(operation) ?? 0),
    get hanging() {
      return thaws.size
    },
  }
  return faults
}

function messageRule(rule: FaultRule, made: MessagePlan): MessageRule {
  const self: MessageRule = {
    delay(time) {
      rule.delay(time)
      return self
    },
    drop() {
      made.drops = true
      return self
    },
    duplicate() {
      made.copies = 2
      return self
    },
    times(count) {
      rule.times(count)
      return self
    },
    after(count) {
      rule.after(count)
      return self
    },
  }
  return self
}
