import { type AnswerDeadlines, createAnswerDeadlines } from '../resilience/answer-deadlines.js'
import type { Clock } from '../runtime/clock.js'
import type {
  BusListener,
  Frame,
  KeyRef,
  Markers,
  ReadReply,
  ReadRequest,
  SharedStore,
  StampReply,
} from '../stores/shared-store.js'
import type { Coherence } from './cells.js'
import { About } from './entry.js'
import { learnMarkers, learnName } from './learn-name.js'
import { Link, type PendingInvalidation } from './link.js'
import { createNonces } from './nonces.js'
import { Leases } from './shared-lease.js'
import type { BodyCodec, NamespaceState, SharedSide } from './state.js'
import { supersede } from './supersede.js'
import { TurnoverMap } from './turnover-map.js'
import { createUnderWay, type UnderWay } from './under-way.js'
import { removeAs } from './valid.js'

/** Options of {@link SharedTier}. */
export interface SharedTierOptions {
  readonly store: SharedStore
  readonly codec: BodyCodec
  readonly clock: Clock
  readonly coherence: Coherence
  /** Budget of one operation, ms. @defaultValue `250` */
  readonly storeTimeoutMs?: number
  /** How long memory is served in an outage, ms. @defaultValue 300,000 */
  readonly maxDisconnectedMs?: number
  /** What peers are told of a stored key in its place. @defaultValue the label that events have of it */
  readonly digestOf?: ((key: string) => string) | undefined
}

const RECOVER_FIRST_MS = 50
const RECOVER_MOST_MS = 1000
const TOLD_AT_ONCE = 200
const LAST_FEW = 1000
const LAST_WORDS_MS = 1000

/**
 * The shared store of one stash, seen from this process: one link, one budget, one replay queue for all namespaces.
 * Guard `replayFirst`: while invalidations are owed, no other command is sent.
 */
export class SharedTier implements BusListener, SharedSide {
  readonly link: Link
  readonly leases: Leases
  readonly store: SharedStore
  readonly codec: BodyCodec
  readonly storeTimeoutMs: number
  readonly maxDisconnectedMs: number
  readonly clock: Clock
  readonly underWay: UnderWay
  readonly nonce: () => string
  readonly #states = new Map<string, NamespaceState>()
  /** Key ids by namespace and by what peers call them, for what is in memory or on its way there. */
  readonly #ids = new Map<string, TurnoverMap<string>>()
  readonly #deadlines: AnswerDeadlines
  readonly #digestOf: SharedTierOptions['digestOf']
  #arrival: Promise<unknown> | undefined
  #recovering = false
  /** While the last of what is owed is told: whether the store is back after it. */
  #returning: Promise<boolean> | undefined
  #recoverTimer: unknown
  #closed = false

  constructor(options: SharedTierOptions) {
    this.store = options.store
    this.codec = options.codec
    this.clock = options.clock
    this.storeTimeoutMs = options.storeTimeoutMs ?? 250
    this.maxDisconnectedMs = options.maxDisconnectedMs ?? 300_000
    this.nonce = createNonces(options.clock)
    this.#deadlines = createAnswerDeadlines(options.clock)
    this.#digestOf = options.digestOf
    this.#arrival = options.store.arrival
    this.leases = new Leases(options.clock)
    this.underWay = createUnderWay(options.clock)
    this.link = new Link(options.clock, options.coherence, {
      frame: (frame) => this.#hear(frame, options.coherence),
      newIncarnation: () => {
        for (const state of this.#states.values()) state.cells.forgetStore()
      },
      left: () => this.leases.wakeAll(),
    })
    options.store.subscribe(this)
  }

  attach(state: NamespaceState): void {
    this.#states.set(state.name, state)
    this.#ids.set(state.name, new TurnoverMap())
  }

  /** A key as the store and the peers know it. */
  refOf(state: NamespaceState, id: string): KeyRef {
    const key = state.keyer.text(id)
    return { key, namespace: state.name, digest: this.#digestOf?.(key) ?? state.keyer.label(id, key) }
  }

  remember(namespace: string, digest: string, id: string): void {
    this.#ids.get(namespace)?.set(digest, id)
  }

  forget(namespace: string, digest: string): void {
    this.#ids.get(namespace)?.delete(digest)
  }

  forgetAll(namespace: string): void {
    this.#ids.get(namespace)?.clear()
  }

  /** One round trip within the budget; `undefined` if the store is away or does not answer in time. A late reply changes nothing. */
  ask<T>(command: () => Promise<T>): Promise<T | undefined> {
    if (this.#closed) return Promise.resolve(undefined)
    if (!this.link.away) return this.#within(command)
    return this.#returning?.then((isBack) => (isBack ? this.#within(command) : undefined)) ?? Promise.resolve(undefined)
  }

  askRead(request: ReadRequest, done: (reply: ReadReply | undefined) => void): void {
    const { store } = this
    if (this.#closed || this.link.away || this.#arrival !== undefined || store.readTo === undefined) {
      this.ask(() => store.read(request)).then(done, () => done(undefined))
      return
    }
    const sentAt = this.clock.now()
    store.readTo(request, (reply) => {
      if (reply === undefined) this.doubt()
      else this.link.saw(reply, sentAt)
      done(reply)
    })
  }

  /** Takes markers of a reply into the cells of a namespace. */
  learn(state: NamespaceState, markers: Markers): void {
    learnMarkers(state, markers, this.clock)
  }

  /** Keeps an invalidation for when the store is back, and sees to it that it gets there. */
  owe(invalidation: PendingInvalidation): void {
    this.link.owe(invalidation)
    this.#recover(RECOVER_FIRST_MS)
  }

  /** The store did not answer something that owes it nothing: find out whether it is there. */
  doubt(): void {
    this.link.leave()
    this.#recover(RECOVER_FIRST_MS)
  }

  frame(frame: Frame): void {
    if (frame.kind === 'done') this.leases.wake(frame, frame.next)
    else this.link.frame(frame)
  }

  lost(): void {
    this.link.lost()
    // Nothing more is heard for now, and perhaps the store is gone: whoever follows looks.
    this.leases.wakeAll()
  }

  confirmed(): void {
    this.link.confirmed()
    // What somebody waits to hear may have been said in the gap.
    this.leases.wakeAll()
  }

  /** Before the end: what is under way is answered, and what is owed told once more, while there is time. */
  async lastWords(): Promise<void> {
    const until = this.clock.now() + LAST_WORDS_MS
    await this.underWay.over(LAST_WORDS_MS)
    if (this.link.pending.size === 0) return
    this.underWay.begins()
    const end = (): void => this.underWay.ends()
    this.#replay().then(end, end)
    await this.underWay.over(Math.max(0, until - this.clock.now()))
  }

  async close(): Promise<void> {
    const returned = this.leases.close()
    this.#closed = true
    this.clock.clearTimer(this.#recoverTimer)
    await returned
    await this.store.close()
  }

  #hear(frame: Frame, coherence: Coherence): void {
    if (frame.kind === 'key') {
      this.#dropKey(frame.namespace, frame.digest, frame.id)
      return
    }
    if (frame.kind !== 'names') return
    coherence.generation++
    this.#hearNames(frame, frame.seq)
  }

  async #within<T>(command: () => Promise<T>): Promise<T | undefined> {
    if (this.#arrival !== undefined) {
      await this.#arrival.catch(ignore)
      this.#arrival = undefined
    }
    const sentAt = this.clock.now()
    const reply = await (this.store.keepsBudget === true ? command().catch(ignore) : this.#inTime(command))
    if (reply === undefined) this.doubt()
    else if (isStamped(reply)) this.link.saw(reply, sentAt)
    return reply
  }

  #inTime<T>(command: () => Promise<T>): Promise<T | undefined> {
    return new Promise((resolve) => {
      const deadline = this.#deadlines.add(this.storeTimeoutMs, () => resolve(undefined))
      const settle = (reply: T | undefined): void => {
        this.#deadlines.remove(deadline)
        resolve(reply)
      }
      command().then(settle, () => settle(undefined))
    })
  }

  #recover(delayMs: number): void {
    if (this.#recovering || this.#closed) return
    this.#recovering = true
    this.#recoverTimer = this.clock.setTimer(async () => {
      const done = await this.#replay()
      this.#recovering = false
      if (!done) this.#recover(Math.min(RECOVER_MOST_MS, delayMs * 2))
    }, delayMs)
  }

  /** Tells the store everything owed, then trusts it again. The operations commute, so their order is free. */
  async #replay(): Promise<boolean> {
    if ((await this.#within(() => this.store.ping())) === undefined) return false
    while (this.link.owed > LAST_FEW) if (!(await this.#tell())) return false
    this.#returning = this.#tellLast()
    const isBack = await this.#returning
    this.#returning = undefined
    return isBack
  }

  /** While callers wait for it: else who invalidates more often than once a round trip would never be done. */
  async #tellLast(): Promise<boolean> {
    const until = this.clock.now() + this.storeTimeoutMs
    while (this.link.pending.size > 0) {
      if (this.clock.now() > until || !(await this.#tell())) return false
    }
    this.link.returned()
    return true
  }

  async #tell(): Promise<boolean> {
    const told = this.link.firstOwed(TOLD_AT_ONCE).map(async ([id, owed]) => {
      const reply = await this.#within(() =>
        owed.kind === 'key' ? this.store.kill(owed) : this.store.bump(owed.names, owed.mode),
      )
      if (reply === undefined) return false
      this.#takeBack(owed, reply)
      if (this.link.pending.get(id) === owed) this.link.paid(id)
      return true
    })
    return (await Promise.all(told)).every(Boolean)
  }

  /** Memory drops what a replayed invalidation named: it may have been filled again meanwhile. */
  #takeBack(owed: PendingInvalidation, reply: StampReply): void {
    if (owed.kind === 'names') this.#hearNames(owed, (reply as StampReply & { seq: number }).seq)
    else this.#dropKey(owed.namespace, owed.digest)
  }

  /** @param written The entry that was written, if one was: who holds that very one, or is just getting it, keeps it. */
  #dropKey(namespace: string, digest: string, written?: string): void {
    this.leases.wake({ namespace, digest }, 'lead')
    const state = this.#states.get(namespace)
    const id = this.#ids.get(namespace)?.get(digest)
    if (state === undefined || id === undefined) return
    supersede(state, id, undefined, written)
    if (written === undefined || storedIdOf(state, id) !== written) removeAs(state, id, 'invalidated')
  }

  #hearNames({ names, mode }: Pick<Frame & { kind: 'names' }, 'names' | 'mode'>, seq: number): void {
    const [hard, soft] = mode === 'delete' ? [seq, 0] : [0, seq]
    const now = Math.floor(this.clock.now())
    for (const state of this.#states.values()) for (const name of names) learnName(state, name, hard, soft, now)
  }
}

function storedIdOf(state: NamespaceState, id: string): string | undefined {
  const about = state.memory.peek(id)?.about
  return about instanceof About ? about.shared?.id : undefined
}

function isStamped(reply: unknown): reply is StampReply {
  return typeof reply === 'object' && reply !== null && 'inc' in reply && 'nowMs' in reply
}

function ignore(): undefined {
  return undefined
}
