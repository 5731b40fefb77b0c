import { checkFunction, checkShape, resolveClock } from '../resilience/option-shape.js'
import type { Clock } from '../runtime/clock.js'
import type {
  BumpReply,
  BusListener,
  ForgetReply,
  Frame,
  KeyRef,
  LeaseReply,
  LeaseRequest,
  ReadReply,
  ReadRequest,
  ReleaseRequest,
  SetReply,
  SetRequest,
  SharedStore,
  StampReply,
  WriteReply,
  WriteRequest,
} from '../stores/shared-store.js'
import { cloneData, createSimulatedData, type Data, emptyData } from './simulated-data.js'

/** A shared store in memory, for several simulated processes, that can be delayed, cut off, emptied and rolled back. */
export interface SimulatedStore {
  /** A connection of one more process. */
  connect(): SimulatedConnection
  /** Loses everything, as a restart without persistence does. Every connection drops. */
  restartEmpty(): void
  /** What a copy (a snapshot, a lagging replica) would hold now. */
  copy(): SimulatedCopy
  /** Restarts from a copy, under another run id. Every connection drops. */
  restartFrom(copy: SimulatedCopy): void
  evictEntry(key: string): void
  evictToken(key: string): void
  evictMarker(name: string): void
  evictControl(): void
  evictLog(): void
  /** Keys of the entries that are there. */
  entryKeys(): readonly string[]
  /** Commands executed so far. */
  readonly commands: number
}

/** What {@link SimulatedStore.copy} returns. */
export type SimulatedCopy = { readonly data: Data }

/** One process's connection. */
export interface SimulatedConnection extends SharedStore {
  /** Commands fail, replies and messages are lost, until `heal`. */
  cut(): void
  heal(): void
  cutBus(): void
  healBus(): void
  readonly connected: boolean
}

/** Options of {@link createSimulatedStore}. */
export interface SimulatedStoreOptions {
  /** The store's time, and that of what is on the way. @defaultValue the real one */
  readonly clock?: Clock
  /** One-way delay of a command, a reply or a message, ms. @defaultValue `1` */
  readonly delay?: () => number
}

/**
 * Returns an empty simulated store. Scripts are atomic; everything between process and store takes time.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { createFakeClock, createSimulatedStore } from 'hopstash/testing'
 * const clock = createFakeClock()
 * const store = createSimulatedStore({ clock, delay: () => 20 })
 * const [one, two] = [store.connect(), store.connect()]
 * two.cut()
 * const calls = Promise.allSettled([one.ping(), two.ping()])
 * await clock.advance(40)
 * const [first, second] = await calls
 * first.status // => 'fulfilled'
 * second.status // => 'rejected'
 */
export function createSimulatedStore(options: SimulatedStoreOptions = {}): SimulatedStore {
  checkShape('createSimulatedStore', options, ['clock', 'delay'])
  const { delay = () => 1 } = options
  checkFunction(delay, 'delay', 'a function that returns milliseconds')
  const clock = resolveClock(options.clock)
  const connections = new Set<Connection>()
  const data = createSimulatedData(clock)
  const { scripts } = data
  let commands = 0

  const drop = (): void => {
    for (const connection of connections) connection.drop()
  }

  class Connection implements SimulatedConnection {
    connected = true
    #era = 0
    #bus = true
    #listener: BusListener | undefined

    readonly #tell = (frame: Frame): void => {
      for (const connection of connections) if (connection !== this) connection.hear(frame)
    }

    /** A command travels, executes at once, and its reply travels back; a cut in between loses what is on the way. */
    #send<T>(execute: () => T): Promise<T> {
      return new Promise((resolve, reject) => {
        const era = this.#era
        const gone = (): boolean => !this.connected || era !== this.#era
        if (!this.connected) return reject(new Error('unreachable'))
        clock.setTimer(
          () => {
            if (gone()) return reject(new Error('connection lost'))
            commands++
            const reply = execute()
            clock.setTimer(() => (gone() ? reject(new Error('reply lost')) : resolve(reply)), delay(), true)
          },
          delay(),
          true,
        )
      })
    }

    read = (request: ReadRequest): Promise<ReadReply> => this.#send(() => scripts.read(request))
    token = (key: string, candidate: string, lifeMs: number): Promise<string> =>
      this.#send(() => scripts.token(key, candidate, lifeMs))
    write = (request: WriteRequest): Promise<WriteReply> => this.#send(() => scripts.write(request, this.#tell))
    set = (request: SetRequest): Promise<SetReply> => this.#send(() => scripts.set(request, this.#tell))
    kill = (ref: KeyRef): Promise<StampReply> => this.#send(() => scripts.kill(ref, this.#tell))
    expire = (ref: KeyRef): Promise<StampReply> => this.#send(() => scripts.expire(ref, this.#tell))
    forget = (subject: string): Promise<ForgetReply> => this.#send(() => scripts.forget(subject))
    bump = (names: readonly string[], mode: 'delete' | 'expire'): Promise<BumpReply> =>
      this.#send(() => scripts.bump(names, mode, this.#tell))

    lease = (request: LeaseRequest): Promise<LeaseReply> => this.#send(() => scripts.lease(request))
    renew = (key: string, token: string, lifeMs: number): Promise<boolean> =>
      this.#send(() => scripts.renew(key, token, lifeMs))
    release = (request: ReleaseRequest): Promise<boolean> => this.#send(() => scripts.release(request, this.#tell))
    ping = (): Promise<BumpReply> => this.#send(() => scripts.ping())

    subscribe(listener: BusListener): void {
      this.#listener = listener
      this.#confirmSoon()
    }

    hear(frame: Frame): void {
      if (!this.#bus || !this.connected) return
      const era = this.#era
      clock.setTimer(() => {
        if (this.#bus && this.connected && era === this.#era) this.#listener?.frame(frame)
      }, delay())
    }

    cut(): void {
      this.drop()
      this.connected = false
    }

    heal(): void {
      this.connected = true
      this.#confirmSoon()
    }

    /** What is on the way is lost; the next command finds a new connection. */
    drop(): void {
      this.#era++
      this.#listener?.lost()
      if (this.connected) this.#confirmSoon()
    }

    cutBus(): void {
      this.#bus = false
      this.#listener?.lost()
    }

    healBus(): void {
      this.#bus = true
      this.#confirmSoon()
    }

    async close(): Promise<void> {
      connections.delete(this)
      this.#listener = undefined
    }

    #confirmSoon(): void {
      const era = this.#era
      clock.setTimer(() => {
        if (this.#bus && this.connected && era === this.#era) this.#listener?.confirmed()
      }, 2 * delay())
    }
  }

  return {
    connect() {
      const connection = new Connection()
      connections.add(connection)
      return connection
    },
    restartEmpty() {
      data.replace(emptyData())
      drop()
    },
    copy: () => ({ data: cloneData(data.held) }),
    restartFrom(copy) {
      data.replace(cloneData(copy.data))
      drop()
    },
    evictEntry: (key) => void data.held.entries.delete(key),
    evictToken: (key) => void data.held.tokens.delete(key),
    evictMarker: (name) => void data.held.markers.delete(name),
    evictControl: () => {
      data.held.control = undefined
    },
    evictLog: () => {
      data.held.log = undefined
    },
    entryKeys: () => [...data.held.entries.keys()],
    get commands() {
      return commands
    },
  }
}
