import { optionInvalid } from '../errors/option-error.js'
import type { BusListener, ReadReply, SharedStore, StoredEntry } from '../stores/shared-store.js'
import { checkStore } from './check-store.js'
import { ENGINE, type FaultEngine, type StoreFaults } from './store-faults.js'

/**
 * Returns a shared store that does what `store` does, but for its faults, so that a host can test its own degradation.
 *
 * Several stores may share the same faults. `close` always reaches `store`.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { createFakeClock, createSimulatedStore, createStoreFaults, faultyStore } from 'hopstash/testing'
 * const clock = createFakeClock()
 * const faults = createStoreFaults({ clock })
 * const store = faultyStore(createSimulatedStore({ clock }).connect(), faults)
 * faults.on('ping').hang()
 * const ping = store.ping()
 * await clock.advance(1_000_000)
 * faults.hanging // => 1
 * faults.restore()
 * await clock.advance(2)
 * await ping // => { inc: 'inc-1', nowMs: 1000001, seq: 1 }
 */
export function faultyStore(store: SharedStore, faults: StoreFaults): SharedStore {
  checkStore(store)
  const engine = faults?.[ENGINE]
  if (engine === undefined) throw optionInvalid('faults', 'what `createStoreFaults()` returned', faults)
  const asIs = <T>(reply: T): T => reply
  return {
    read: (request) => engine.call('read', () => store.read(request), corruptedReply),
    token: (key, candidate, lifeMs) => engine.call('token', () => store.token(key, candidate, lifeMs), asIs),
    write: (request) => engine.call('write', () => store.write(request), asIs),
    set: (request) => engine.call('set', () => store.set(request), asIs),
    kill: (key) => engine.call('kill', () => store.kill(key), asIs),
    expire: (key) => engine.call('expire', () => store.expire(key), asIs),
    bump: (names, mode) => engine.call('bump', () => store.bump(names, mode), asIs),
    ...faultyExtras(store, engine),
    ping: () => engine.call('ping', () => store.ping(), asIs),
    subscribe: (listener) => store.subscribe(faultyListener(listener, engine)),
    close: () => store.close(),
  }
}

/** What not every store can do: a faulty one can do no more than the one behind it. */
function faultyExtras(store: SharedStore, engine: FaultEngine): Partial<SharedStore> {
  const { lease, renew, release, forget } = store
  const asIs = <T>(reply: T): T => reply
  return {
    ...(lease && { lease: (request) => engine.call('lease', () => lease.call(store, request), asIs) }),
    ...(renew && { renew: (key, token, ms) => engine.call('renew', () => renew.call(store, key, token, ms), asIs) }),
    ...(release && { release: (request) => engine.call('release', () => release.call(store, request), asIs) }),
    ...(forget && { forget: (subject) => engine.call('forget', () => forget.call(store, subject), asIs) }),
  }
}

/** Hears of the bus what its faults let through; a cut is told as a loss, and its end as a new subscription. */
function faultyListener(listener: BusListener, engine: FaultEngine): BusListener {
  let isSubscribed = false
  engine.watchBus((isCut) => {
    if (isCut) listener.lost()
    else if (isSubscribed) listener.confirmed()
  })
  return {
    frame(frame) {
      // Asked when it arrives, too: what a cut overtakes is lost.
      if (!engine.isBusCut) engine.message(() => !engine.isBusCut && listener.frame(frame))
    },
    lost() {
      isSubscribed = false
      if (!engine.isBusCut) listener.lost()
    },
    confirmed() {
      isSubscribed = true
      if (!engine.isBusCut) listener.confirmed()
    },
  }
}

function corruptedReply(reply: ReadReply, change: (body: Uint8Array) => Uint8Array): ReadReply {
  const { entry } = reply
  return entry?.body === undefined ? reply : { ...reply, entry: corruptedEntry(entry, entry.body, change) }
}

// A header may lie right before the body, as one view on what is stored; the copy keeps them side by side.
function corruptedEntry(entry: StoredEntry, body: Uint8Array, change: (body: Uint8Array) => Uint8Array): StoredEntry {
  const { header } = entry
  const changed = change(body.slice())
  if (header === undefined) return { ...entry, body: changed }
  const both = new Uint8Array(header.length + changed.length)
  both.set(header)
  both.set(changed, header.length)
  return { ...entry, header: both.subarray(0, header.length), body: both.subarray(header.length) }
}
