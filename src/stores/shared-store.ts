import type { CheckedHeader } from '../codec/entry-header.js'

/**
 * What the invalidation protocol asks of a shared store (docs/protocol.md). Each call is one round trip, atomic where it
 * says "script", and rejects when the store cannot be reached within its budget: a miss is an answer, an error is not.
 *
 * Instants are in the store's own time: no decision compares wall clocks of two hosts.
 */
export interface SharedStore {
  /** Script READ: the entry first, the markers that concern it second. Takes a token where asked and the entry is not valid. */
  read(request: ReadRequest): Promise<ReadReply>
  /**
   * The same, told to a function: among thousands of reads a second a promise more for each is felt. `done` is called once,
   * never before this returns, with the reply or with why there is none; it must not throw. Only a store that keeps its
   * budget may have it.
   */
  readonly readTo?: ReadTo | undefined
  /** Script TOKEN: the present token of a key, else this one. Loaders of a key share it. */
  token(key: string, candidate: string, lifeMs: number): Promise<string>
  /** Script WRITE: markers ensured and compared, then stored only with the key's token, which is used up. */
  write(request: WriteRequest): Promise<WriteReply>
  /** Script SET: stored with the present sequence number, the token removed, peers told. */
  set(request: SetRequest): Promise<SetReply>
  /** Script KILL: entry and token removed, peers told. */
  kill(key: KeyRef): Promise<StampReply>
  /** Script EXPIRE: the entry's freshness ends, the token is removed, peers told. */
  expire(key: KeyRef): Promise<StampReply>
  /** Script BUMP: the next sequence number into each marker and the log, peers told. */
  bump(names: readonly string[], mode: 'delete' | 'expire'): Promise<BumpReply>
  /**
   * Removes the bytes of every entry of a subject, in all namespaces (contract in `cache/forget.ts`); the subject of an
   * entry is `subjectIn(entry.tags)`. Absent where a store cannot: then its entries are dead, but stay until they expire.
   */
  forget?(subject: string): Promise<ForgetReply>
  /**
   * Script LEASE: the token of a key for one loader alone. Absent, or `unable`, where a store cannot tell loaders apart:
   * then `coalesce: 'cluster'` ends at the process.
   */
  lease?(request: LeaseRequest): Promise<LeaseReply>
  /** Script RENEW: whether the token is still this one; if so it lives for another `lifeMs`. */
  renew?(key: string, token: string, lifeMs: number): Promise<boolean>
  /** Script RELEASE: removes the token if it is this one, and has followers of the key told. */
  release?(request: ReleaseRequest): Promise<boolean>
  /** Whether the store answers, which life it lives, and the present sequence number. */
  ping(): Promise<BumpReply>
  /** Listens to peers. The listener is told of every loss, and of every confirmed subscription after it. */
  subscribe(listener: BusListener): void
  close(): Promise<void>
  /** Settles when the store's code is there; until then nobody's budget runs. @defaultValue it is there */
  readonly arrival?: Promise<unknown>
  /**
   * Whether every call settles within its budget by itself. Who sends the commands knows what waits in this process, and
   * what for the store; a clock out here does not. @defaultValue `false`
   */
  readonly keepsBudget?: boolean
}

/** A read told to a function, `SharedStore.readTo`. */
export type ReadTo = (request: ReadRequest, done: (reply: ReadReply | undefined, error?: unknown) => void) => void

/** A key as scripts need it: its text, and the namespace and digest that peers are told. */
export interface KeyRef {
  readonly key: string
  readonly namespace: string
  /** What the bus says in place of the key. */
  readonly digest: string
}

/** What is read. */
export interface ReadRequest extends KeyRef {
  /** Id of the entry the reader already holds: the same one is confirmed without its body. */
  readonly knownId?: string | undefined
  /** Taken in the same round trip when the entry is missing or not valid. */
  readonly token?: string | undefined
  readonly tokenLifeMs?: number
}

/** The stamp every reply carries. */
export interface StampReply {
  /** Incarnation of the store: another one means it lost its memory. */
  readonly inc: string
  /** The store's time, ms. */
  readonly nowMs: number
}

/** Present markers by name, of this incarnation; an absent one is not in it. */
export type Markers = ReadonlyMap<string, Marker>

/** Sequence numbers of the last hard and soft invalidation of a name. */
export interface Marker {
  readonly hard: number
  readonly soft: number
}

/** What a read found. */
export interface ReadReply extends StampReply {
  /** Sequence number now: what a load that begins after this reply is stamped with. */
  readonly seq: number
  readonly entry: StoredEntry | undefined
  readonly markers: Markers
  /** The token, where one was taken. */
  readonly token: string | undefined
}

/** What is written after a load. */
export interface WriteRequest extends KeyRef {
  readonly token: string
  readonly entry: StoredEntry
  readonly lifeMs: number
  /** Store time after which the write must not happen any more. */
  readonly notAfterMs: number
  /** Who is told in the same script: followers of a lease (`done`), everybody who may hold the key (`key`). @defaultValue nobody */
  readonly tells?: 'done' | 'key' | undefined
  /** What was asked, as text, for a store that people read. Called by such a store alone. */
  readonly describe?: (() => string) | undefined
}

/** A lease is asked for by a process that has just read the key. */
export interface LeaseRequest extends KeyRef {
  readonly token: string
  readonly lifeMs: number
  /** Id of the entry that was read, `undefined` if there was none; `'any'` does not compare. */
  readonly seen: { readonly id: string | undefined } | 'any'
}

/**
 * `changed`: the key's entry is another one than was seen, so read again; `held`: somebody else has it, for so long at most;
 * `yours`: load.
 */
export type LeaseReply =
  | { readonly outcome: 'yours' | 'changed' | 'unable' }
  | { readonly outcome: 'held'; readonly token: string; readonly leftMs: number }

/** How a lease is given back without a write. */
export interface ReleaseRequest extends KeyRef {
  readonly token: string
  /** What followers do: one of them leads, or each loads `alone`, because what this leader brought cannot be shared. */
  readonly next: 'lead' | 'alone'
}

/**
 * `dead`: a marker outranks the load, or the incarnation changed; `refused`: the token is gone, or it is too late;
 * `full`: the value is as good as a written one, but the store takes no more bytes, and the key has no entry now.
 */
export interface WriteReply extends StampReply {
  readonly outcome: 'written' | 'refused' | 'dead' | 'full'
  readonly markers: Markers
}

/** What `set` writes: the store stamps `inc` and `startSeq`. */
export interface SetRequest extends KeyRef {
  readonly entry: StoredEntry
  readonly lifeMs: number
  readonly notAfterMs: number
  /** What was asked, as text, for a store that people read. Called by such a store alone. */
  readonly describe?: (() => string) | undefined
}

/** The sequence number a set was stamped with. `full`: nothing was stored, the old value is gone, peers were told. */
export interface SetReply extends StampReply {
  readonly outcome: 'written' | 'late' | 'full'
  readonly seq: number
  readonly markers: Markers
}

/** The sequence number of an invalidation. */
export interface BumpReply extends StampReply {
  readonly seq: number
}

/** What an erasure came to: how many entries' bytes were removed; `'none'` by a store that cannot tell entries by subject. */
export interface ForgetReply extends StampReply {
  readonly removed: number | 'none'
}

/** A stored entry: what scripts and readers need of it, and its encoded value. */
export interface StoredEntry {
  /** Write nonce: tells two writes of one key apart. */
  readonly id: string
  readonly inc: string
  readonly startSeq: number
  readonly tags: readonly string[]
  /** Store time, ms. */
  readonly storedAtMs: number
  readonly freshUntilMs: number
  readonly staleForMs: number
  readonly errorForMs: number
  readonly loadMs: number
  /** Absent in a reply that only confirms `knownId`. */
  readonly body: Uint8Array | undefined
  /**
   * What the codec writes in front of `body` (docs/stored-format.md). A store of bytes makes one where it is absent; in its
   * replies it is a view right before `body`, so that both together are what is stored.
   */
  readonly header?: Uint8Array | undefined
  /** What a store of bytes has read already, so that nobody reads and checks the header twice. */
  readonly checked?: { readonly bytes: Uint8Array; readonly header: CheckedHeader } | undefined
}

/** What peers say. Never a value, never a raw key. */
export type Frame =
  | {
      readonly kind: 'key'
      readonly inc: string
      readonly namespace: string
      readonly digest: string
      /** The entry that was written, if one was: who holds that very one has missed nothing. */
      readonly id?: string | undefined
    }
  /** A lease has ended. Of no consequence if it is lost, so it is not counted. */
  | {
      readonly kind: 'done'
      readonly namespace: string
      readonly digest: string
      readonly next: ReleaseRequest['next']
    }
  | {
      readonly kind: 'names'
      readonly inc: string
      readonly seq: number
      readonly names: readonly string[]
      readonly mode: 'delete' | 'expire'
    }

/** Who listens to peers. */
export interface BusListener {
  frame(frame: Frame): void
  /** Messages may be missing from here on. */
  lost(): void
  /** A new subscription is in place: nothing said after this is missing. */
  confirmed(): void
}

/** The names of the markers that concern an entry. */
export function markerNames(namespace: string, tags: readonly string[]): string[] {
  const names = ['*', `n/${namespace}`]
  for (const tag of tags) names.push(`t/${namespace}/${tag}`, `t//${tag}`)
  return names
}

/**
 * The protocol's one rule: valid if and only if every marker that concerns the entry is present in its incarnation and
 * not above its `startSeq`. An absent marker may have been evicted: then nothing is known.
 */
export function isValid(
  entry: Pick<StoredEntry, 'inc' | 'startSeq'>,
  names: Iterable<string>,
  inc: string,
  markers: Markers,
): boolean {
  if (entry.inc !== inc) return false
  for (const name of names) {
    const marker = markers.get(name)
    if (marker === undefined || marker.hard > entry.startSeq) return false
  }
  return true
}
