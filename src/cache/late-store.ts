import type { BusListener, SharedStore } from '../stores/shared-store.js'
import type { BodyCodec } from './state.js'

/** A store that may be asked before its code is there. */
export interface LateStore<S extends SharedStore> extends SharedStore {
  /** The store itself, once its code is there. */
  readonly arrived: S | undefined
  /** Rejects if the code cannot be loaded. Never an unhandled rejection. */
  readonly arrival: Promise<S>
}

/**
 * Stands in for a store whose code is being loaded. What is asked before it is there is asked then, in the same order.
 *
 * @param load Called at once, so that the code is most likely there when the store is asked for the first time.
 */
export function createLateStore<S extends SharedStore>(load: () => Promise<S>): LateStore<S> {
  let arrived: S | undefined
  let isClosed = false
  const arrival = load()
  // The first to be told: nobody who asks the store directly overtakes those who wait.
  arrival.then((store) => {
    arrived = store
  }, ignore)
  const ask = <T>(question: (store: S) => Promise<T>): Promise<T> =>
    arrived === undefined ? arrival.then(question) : question(arrived)
  // `Required`: an optional method of a store must be passed on as well.
  const verbs: Required<Omit<SharedStore, 'arrival' | 'keepsBudget' | 'readTo'>> = {
    read: (request) => ask((store) => store.read(request)),
    token: (key, candidate, lifeMs) => ask((store) => store.token(key, candidate, lifeMs)),
    write: (request) => ask((store) => store.write(request)),
    set: (request) => ask((store) => store.set(request)),
    kill: (key) => ask((store) => store.kill(key)),
    expire: (key) => ask((store) => store.expire(key)),
    bump: (names, mode) => ask((store) => store.bump(names, mode)),
    forget: (subject) =>
      ask(async (store) => store.forget?.(subject) ?? { ...(await store.ping()), removed: 'none' as const }),
    lease: (request) => ask((store) => store.lease?.(request) ?? Promise.resolve({ outcome: 'unable' as const })),
    renew: (key, token, lifeMs) => ask((store) => store.renew?.(key, token, lifeMs) ?? Promise.resolve(false)),
    release: (request) => ask((store) => store.release?.(request) ?? Promise.resolve(false)),
    ping: () => ask((store) => store.ping()),
    subscribe(listener: BusListener) {
      arrival.then((store) => {
        if (!isClosed) store.subscribe(listener)
      }, ignore)
    },
    async close() {
      isClosed = true
      await arrival.then((store) => store.close(), ignore)
    },
  }
  return {
    ...verbs,
    arrival,
    get keepsBudget() {
      return arrived?.keepsBudget === true
    },
    // Whoever asks before the code is there gets a promise.
    get readTo() {
      return arrived?.readTo
    },
    get arrived() {
      return arrived
    },
  }
}

/** Stands in for a codec whose code is being loaded; `load` is called at once. */
export function createLateCodec(load: () => Promise<BodyCodec>): BodyCodec {
  let arrived: BodyCodec | undefined
  const arrival = load()
  arrival.then((codec) => {
    arrived = codec
  }, ignore)
  return {
    encode: (value, entry, key) =>
      arrived === undefined
        ? arrival.then((codec) => codec.encode(value, entry, key))
        : arrived.encode(value, entry, key),
    decode: (body, entry, key) =>
      arrived === undefined
        ? arrival.then((codec) => codec.decode(body, entry, key))
        : arrived.decode(body, entry, key),
  }
}

function ignore(): void {}
