import type { CacheMode } from '../runtime/settings.js'
import {
  type Markers,
  markerNames,
  type ReadReply,
  type ReadRequest,
  type SharedStore,
} from '../stores/shared-store.js'

/** A store as a mode lets it be used. */
export function storeInMode(store: SharedStore, mode: CacheMode): SharedStore {
  if (mode === 'replay') return createReplayStore(store)
  return mode === 'refresh' ? createRefreshStore(store) : store
}

/** A store whose entries are all valid, and which nothing changes: what is recorded stays, whatever is invalidated. */
function createReplayStore(store: SharedStore): SharedStore {
  const ping = () => store.ping()
  return {
    ...partsOf(store),
    async read(request) {
      const { token: candidate, ...rest } = request
      const reply = await store.read(rest)
      return { ...reply, entry: asValid(reply), markers: unmarked(request, reply), token: candidate }
    },
    token: async (_key, candidate) => candidate,
    write: async () => ({ ...(await ping()), outcome: 'refused', markers: new Map() }),
    set: async () => ({ ...(await ping()), outcome: 'full', markers: new Map() }),
    kill: ping,
    expire: ping,
    bump: ping,
    forget: async () => ({ ...(await ping()), removed: 'none' }),
    // Nobody's news concern what does not change.
    subscribe: (listener) => listener.confirmed(),
  }
}

function asValid({ entry, inc, seq }: ReadReply): ReadReply['entry'] {
  return entry && { ...entry, inc, startSeq: seq, freshUntilMs: Number.MAX_SAFE_INTEGER }
}

function unmarked({ namespace }: ReadRequest, { entry }: ReadReply): Markers {
  return new Map(markerNames(namespace, entry?.tags ?? []).map((name) => [name, { hard: 0, soft: 0 }]))
}

/** A store in which only what this process has written is found. */
function createRefreshStore(store: SharedStore): SharedStore {
  return {
    ...partsOf(store),
    async read(request) {
      const reply = await store.read(request)
      if (reply.entry === undefined || reply.entry.body === undefined) return reply
      const wanted = request.token
      const token = wanted && (reply.token ?? (await store.token(request.key, wanted, request.tokenLifeMs ?? 600_000)))
      return { ...reply, entry: undefined, token }
    },
  }
}

/** What a store in front of another passes on as it is. Its getters change: they are asked each time. */
function partsOf(store: SharedStore): SharedStore {
  return {
    read: (request) => store.read(request),
    token: (key, candidate, lifeMs) => store.token(key, candidate, lifeMs),
    write: (request) => store.write(request),
    set: (request) => store.set(request),
    kill: (key) => store.kill(key),
    expire: (key) => store.expire(key),
    bump: (names, mode) => store.bump(names, mode),
    ping: () => store.ping(),
    subscribe: (listener) => store.subscribe(listener),
    close: () => store.close(),
    ...(store.forget && { forget: (subject: string) => store.forget?.(subject) ?? Promise.reject(new Error('gone')) }),
    ...(store.arrival && { arrival: store.arrival }),
    get keepsBudget() {
      return store.keepsBudget === true
    },
  }
}
