import type { Clock } from '../runtime/clock.js'
import {
  type BumpReply,
  type BusListener,
  type Frame,
  isValid,
  type KeyRef,
  type Marker,
  type Markers,
  markerNames,
  type ReadReply,
  type ReadRequest,
  type SetReply,
  type SetRequest,
  type SharedStore,
  type StampReply,
  type StoredEntry,
  type WriteReply,
  type WriteRequest,
} from '../stores/shared-store.js'

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
  readonly clock: Clock
  /** One-way delay of a command, a reply or a message, ms. @defaultValue `1` */
  readonly delay?: () => number
}

interface Data {
  entries: Map<string, { entry: StoredEntry; namespace: string; goneAtMs: number }>
  tokens: Map<string, { token: string; goneAtMs: number }>
  markers: Map<string, Marker & { readonly inc: string }>
  log: Map<string, number> | undefined
  logFloor: number
  control: { inc: string; seq: number } | undefined
}

/** Returns an empty simulated store. Scripts are atomic; everything between process and store takes time. */
export function createSimulatedStore(options: SimulatedStoreOptions): SimulatedStore {
  const { clock, delay = () => 1 } = options
  const connections = new Set<Connection>()
  let data = emptyData()
  let incarnations = 0
  let runs = 1
  let commands = 0

  const control = (): { inc: string; seq: number } => {
    if (data.control === undefined) {
      data.control = { inc: `inc-${++incarnations}`, seq: 1 }
      data.log = new Map()
      data.logFloor = 1
    }
    if (data.log === undefined) {
      data.log = new Map()
      data.logFloor = data.control.seq
    }
    return data.control
  }
  const liveMarkers = (names: readonly string[], inc: string): Markers => {
    const found = new Map<string, Marker>()
    for (const name of names) {
      const marker = data.markers.get(name)
      if (marker?.inc === inc) found.set(name, { hard: marker.hard, soft: marker.soft })
    }
    return found
  }
  const ensure = (names: readonly string[]): Markers => {
    const { inc } = control()
    for (const name of names) {
      if (data.markers.get(name)?.inc === inc) continue
      const hard = Math.max(data.logFloor, data.log?.get(name) ?? 0)
      data.markers.set(name, { inc, hard, soft: 0 })
    }
    return liveMarkers(names, inc)
  }
  const entryAt = (key: string): StoredEntry | undefined => {
    const found = data.entries.get(key)
    if (found === undefined) return undefined
    if (found.goneAtMs <= clock.now()) data.entries.delete(key)
    return found.goneAtMs <= clock.now() ? undefined : found.entry
  }
  const tokenAt = (key: string): string | undefined => {
    const found = data.tokens.get(key)
    return found === undefined || found.goneAtMs <= clock.now() ? undefined : found.token
  }
  const takeToken = (key: string, candidate: string, lifeMs: number): string => {
    const present = tokenAt(key)
    if (present !== undefined) return present
    data.tokens.set(key, { token: candidate, goneAtMs: clock.now() + lifeMs })
    return candidate
  }
  const publish = (frame: Frame, from: Connection): void => {
    for (const connection of connections) if (connection !== from) connection.hear(frame)
  }
  const stamp = (): StampReply => ({ inc: control().inc, nowMs: clock.now() })

  const scripts = {
    read(request: ReadRequest): ReadReply {
      const entry = entryAt(request.key)
      const { inc, seq } = control()
      const names = markerNames(request.namespace, entry?.tags ?? [])
      const markers = liveMarkers(names, inc)
      const valid = entry !== undefined && isValid(entry, names, inc, markers)
      const wanted = !valid && request.token !== undefined
      const token = wanted ? takeToken(request.key, request.token as string, request.tokenLifeMs ?? 600_000) : undefined
      const shown = entry !== undefined && entry.id === request.knownId ? { ...entry, body: undefined } : entry
      return { ...stamp(), seq, entry: shown, markers, token }
    },
    write(request: WriteRequest): WriteReply {
      const names = markerNames(request.namespace, request.entry.tags)
      const markers = ensure(names)
      const base = { ...stamp(), markers }
      if (!isValid(request.entry, names, base.inc, markers)) return { ...base, outcome: 'dead' }
      if (tokenAt(request.key) !== request.token || clock.now() > request.notAfterMs)
        return { ...base, outcome: 'refused' }
      put(request.key, request.namespace, request.entry, request.lifeMs)
      data.tokens.delete(request.key)
      return { ...base, outcome: 'written' }
    },
    set(request: SetRequest, from: Connection): SetReply {
      const markers = ensure(markerNames(request.namespace, request.entry.tags))
      const { inc, seq } = control()
      if (clock.now() > request.notAfterMs) return { ...stamp(), outcome: 'late', seq, markers }
      put(request.key, request.namespace, { ...request.entry, inc, startSeq: seq }, request.lifeMs)
      data.tokens.delete(request.key)
      publish({ kind: 'key', inc, namespace: request.namespace, digest: request.digest }, from)
      return { ...stamp(), outcome: 'written', seq, markers }
    },
    kill(ref: KeyRef, from: Connection): StampReply {
      data.entries.delete(ref.key)
      data.tokens.delete(ref.key)
      publish({ kind: 'key', inc: control().inc, namespace: ref.namespace, digest: ref.digest }, from)
      return stamp()
    },
    expire(ref: KeyRef, from: Connection): StampReply {
      const entry = entryAt(ref.key)
      const found = data.entries.get(ref.key)
      if (entry !== undefined && found !== undefined) {
        found.entry = { ...entry, id: `${entry.id}x`, freshUntilMs: Math.min(entry.freshUntilMs, clock.now()) }
      }
      data.tokens.delete(ref.key)
      publish({ kind: 'key', inc: control().inc, namespace: ref.namespace, digest: ref.digest }, from)
      return stamp()
    },
    bump(names: readonly string[], mode: 'delete' | 'expire', from: Connection): BumpReply {
      const state = control()
      const before = ensure(names)
      const seq = ++state.seq
      for (const name of names) {
        const old = before.get(name) as Marker
        data.markers.set(name, {
          inc: state.inc,
          hard: mode === 'delete' ? seq : old.hard,
          soft: mode === 'expire' ? seq : old.soft,
        })
        data.log?.set(name, seq)
      }
      publish({ kind: 'names', inc: state.inc, seq, names, mode }, from)
      return { ...stamp(), seq }
    },
  }
  const put = (key: string, namespace: string, entry: StoredEntry, lifeMs: number): void => {
    data.entries.set(key, { entry, namespace, goneAtMs: clock.now() + lifeMs })
  }
  const drop = (): void => {
    for (const connection of connections) connection.drop()
  }

  class Connection implements SimulatedConnection {
    connected = true
    #era = 0
    #bus = true
    #listener: BusListener | undefined

    /** A command travels, executes at once, and its reply travels back; a cut in between loses what is on the way. */
    #send<T>(execute: () => T): Promise<T> {
      return new Promise((resolve, reject) => {
        const era = this.#era
        const gone = (): boolean => !this.connected || era !== this.#era
        if (!this.connected) return reject(new Error('unreachable'))
        clock.setTimer(() => {
          if (gone()) return reject(new Error('connection lost'))
          commands++
          const reply = execute()
          clock.setTimer(() => (gone() ? reject(new Error('reply lost')) : resolve(reply)), delay())
        }, delay())
      })
    }

    read = (request: ReadRequest): Promise<ReadReply> => this.#send(() => scripts.read(request))
    token = (key: string, candidate: string, lifeMs: number): Promise<string> =>
      this.#send(() => takeToken(key, candidate, lifeMs))
    write = (request: WriteRequest): Promise<WriteReply> => this.#send(() => scripts.write(request))
    set = (request: SetRequest): Promise<SetReply> => this.#send(() => scripts.set(request, this))
    kill = (ref: KeyRef): Promise<StampReply> => this.#send(() => scripts.kill(ref, this))
    expire = (ref: KeyRef): Promise<StampReply> => this.#send(() => scripts.expire(ref, this))
    bump = (names: readonly string[], mode: 'delete' | 'expire'): Promise<BumpReply> =>
      this.#send(() => scripts.bump(names, mode, this))

    ping = (): Promise<StampReply> => this.#send(stamp)

    /** Which run of the store this is, as a reconnecting client would ask. */
    run = (): Promise<number> => this.#send(() => runs)

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
      data = emptyData()
      runs++
      drop()
    },
    copy: () => ({ data: cloneData(data) }),
    restartFrom(copy) {
      data = cloneData(copy.data)
      runs++
      drop()
    },
    evictEntry: (key) => void data.entries.delete(key),
    evictToken: (key) => void data.tokens.delete(key),
    evictMarker: (name) => void data.markers.delete(name),
    evictControl: () => {
      data.control = undefined
    },
    evictLog: () => {
      data.log = undefined
    },
    entryKeys: () => [...data.entries.keys()],
    get commands() {
      return commands
    },
  }
}

function emptyData(): Data {
  return { entries: new Map(), tokens: new Map(), markers: new Map(), log: undefined, logFloor: 0, control: undefined }
}

function cloneData(data: Data): Data {
  return {
    entries: new Map([...data.entries].map(([key, value]) => [key, { ...value }])),
    tokens: new Map(data.tokens),
    markers: new Map(data.markers),
    log: data.log === undefined ? undefined : new Map(data.log),
    logFloor: data.logFloor,
    control: data.control === undefined ? undefined : { ...data.control },
  }
}
