import type { DecodedShape } from '../codec/decoded-shape.js'
import type { Keyer } from '../keys/key.js'
import type { Ghost } from '../metrics/ghost.js'
import type { Channel } from '../runtime/channels.js'
import type { Clock } from '../runtime/clock.js'
import type { MemoryStore } from '../stores/memory.js'
import type {
  KeyRef,
  Markers,
  ReadReply,
  ReadRequest,
  ReleaseRequest,
  SharedStore,
  StoredEntry,
} from '../stores/shared-store.js'
import type { Cells, Coherence } from './cells.js'
import type { Counters } from './counters.js'
import type { Entry } from './entry.js'
import type { Fills } from './fills.js'
import type { Link, PendingInvalidation } from './link.js'
import type { Loads } from './loads.js'
import type { Policy } from './policy.js'
import type { Recording } from './recording.js'
import type { Registry } from './registry.js'
import type { SharedFlight } from './shared-flight.js'
import type { UnderWay } from './under-way.js'
import type { MissCause } from './words.js'

/** Everything one namespace is made of. The verbs (`read`, `load`, `write`, `invalidate`) are functions over it. */
export interface NamespaceState {
  readonly name: string
  /** The marker of all its entries, by name. */
  readonly marker: string
  readonly clock: Clock
  readonly channel: Channel
  readonly coherence: Coherence
  readonly cells: Cells
  readonly memory: MemoryStore<Entry>
  readonly loads: Loads
  /** Errors that are remembered, by key id. */
  readonly negatives: Map<string, NegativeEntry>
  /** Write-throughs under way, by key id: each save holds a token that any other write takes from it. */
  readonly saves: Map<string, object>
  /** Everything on its way into memory, for what arrives late. */
  readonly fills: Fills
  /** The shared store, where the stash has one. */
  readonly shared: SharedSide | undefined
  readonly counters: Counters
  readonly ghost: Ghost<MissCause>
  readonly keyer: Keyer<unknown>
  readonly scopeOf: ((input: unknown) => string | undefined) | undefined
  readonly requireScope: boolean
  /** A subject as it is kept: never itself. @throws {KeyError} `ERR_KEY_UNSUPPORTED` for what cannot be one */
  readonly subjectOf: (subject: unknown) => SubjectMark
  readonly registry: Registry
  /** How what is stored is used. */
  readonly recording: Recording
  /** What changes while the namespace lives. Views of it for functions and records share it. */
  readonly live: LiveState
  /** Where background work is reported, so that a platform can wait for it. */
  readonly waitUntil: (work: Promise<unknown>) => void
}

/** A subject's digest, and the tag its entries carry. */
export interface SubjectMark {
  readonly digest: string
  readonly tag: string
}

/** The changing part of a namespace. */
export interface LiveState {
  /** Replaced as a whole by `resize`. */
  policy: Policy
  closed: boolean
}

/** A remembered error. */
export interface NegativeEntry {
  readonly error: unknown
  readonly until: number
  readonly generation: number
}

/** Encodes values for the shared store. A refusal keeps the value out of it; a broken body is a miss. */
export interface BodyCodec {
  /** The bytes of an entry: its body, or a header of the codec's own and the body. `undefined` refuses the value. */
  encode(value: unknown, entry: StoredEntry, key: string): EncodedBody | Promise<EncodedBody>
  decode(body: Uint8Array, entry: StoredEntry, key: string): Promise<DecodedBody> | DecodedBody
}

/** What a codec makes of a value. */
export type EncodedBody =
  | Uint8Array
  | { readonly header: Uint8Array; readonly body: Uint8Array }
  | { readonly refused: 'type' | 'size' }
  | undefined

/** A decoded value, or why there is none. */
export type DecodedBody =
  | { readonly ok: true; readonly value: unknown; readonly shape?: DecodedShape | undefined }
  | { readonly ok: false; readonly reason: string }

/** What a process does about leases: those it holds, and those it waits for. */
export interface Leasing {
  /** Keeps a flight's lease alive until it is used up or given back. */
  hold(tier: SharedSide, flight: SharedFlight): void
  /** A write used it up, and has told the others. */
  used(ref: KeyRef, token: string): void
  /** Gives a lease back, if it is still held. Never rejects. */
  release(token: string, next: ReleaseRequest['next']): Promise<void>
  /** Begins to listen for the end of a key's lease: before the lease is asked for, so that no news is missed. */
  follow(ref: KeyRef): Following
  /** Something happened to a key: its followers look again. */
  wake(ref: Pick<KeyRef, 'namespace' | 'digest'>, why: Wake): void
}

/** What a follower is woken by. */
export type Wake = ReleaseRequest['next'] | 'lapse'

/** One follower's wait. */
export interface Following {
  /** @param leftMs What is left of the lease. @param keepsAlive Whether the process lives for it. */
  woken(leftMs: number, keepsAlive: boolean): Promise<Wake>
  stop(): void
}

/** The shared store of a stash, as its namespaces use it. */
export interface SharedSide {
  readonly link: Link
  /** Which loads of the cluster this process leads, and which it follows. */
  readonly leases: Leasing
  readonly store: SharedStore
  readonly codec: BodyCodec
  readonly clock: Clock
  readonly storeTimeoutMs: number
  readonly maxDisconnectedMs: number
  /** What `close` waits for. */
  readonly underWay: UnderWay
  /** A random id, for entries and tokens. */
  readonly nonce: () => string
  /** A key as the store and the peers know it. */
  refOf(state: NamespaceState, id: string): KeyRef
  /** Notes what peers call a key that is in memory, or on its way there. */
  remember(namespace: string, digest: string, id: string): void
  forget(namespace: string, digest: string): void
  /** Forgets all names of a namespace, however many. What is on its way has been voided. */
  forgetAll(namespace: string): void
  /** One round trip within the budget; `undefined` if the store is away or does not answer in time. */
  ask<T>(command: () => Promise<T>): Promise<T | undefined>
  /** The same for a read, told to a function: once, and never before this returns. It must not throw. */
  askRead(request: ReadRequest, done: (reply: ReadReply | undefined) => void): void
  /** Takes markers of a reply into the cells of a namespace. */
  learn(state: NamespaceState, markers: Markers): void
  /** Keeps an invalidation for when the store is back. */
  owe(invalidation: PendingInvalidation): void
}
