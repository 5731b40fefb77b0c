import { optionInvalid } from '../errors/option-error.js'

/** A Keyv, or one of its storage adapters, of version 5 or 6; or a Map. */
export interface KeyvLike {
  get(key: string): unknown
  set(key: string, value: string, ttl?: number): unknown
  delete(key: string): unknown
  on?(event: 'error', listener: (error: unknown) => void): unknown
  listeners?(event: 'error'): unknown
}

/** Texts by key, with a lifetime. */
export interface TextStore {
  get(key: string): Promise<string | undefined>
  set(key: string, text: string, lifeMs: number): Promise<void>
  delete(key: string): Promise<void>
}

/**
 * Returns texts over a Keyv or an adapter. A `Keyv` and version-5 adapters take a relative lifetime; version-6 adapters,
 * which say so in their capabilities, an instant of the wall clock.
 *
 * Keyv and its adapters report failures by an event and resolve all the same: any such event during an operation makes it
 * reject, so that a failure is never taken for a miss.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for what has no `get`, `set` and `delete`.
 */
export function textStoreOver(source: KeyvLike, wall: () => number): TextStore {
  for (const method of ['get', 'set', 'delete'] as const) {
    if (typeof source?.[method] !== 'function') {
      throw optionInvalid('store', 'a Keyv, a Keyv storage adapter or a Map', source)
    }
  }
  const errors = errorsOf(source)
  const takesInstants = takesExpires(source)
  const target = source instanceof Map ? withLifetimes(source) : Promise.resolve(source)

  const watched = async <T>(work: () => T | Promise<T>): Promise<T> => {
    const before = errors.count
    const result = await work()
    if (errors.count !== before)
      throw errors.last instanceof Error ? errors.last : new Error('the store reported an error')
    return result
  }

  const get = async (key: string): Promise<string | undefined> => {
    const value = await watched(async () => (await target).get(key))
    return typeof value === 'string' ? value : undefined
  }

  return {
    get,
    async set(key, text, lifeMs) {
      const life = Math.ceil(lifeMs)
      const done = await watched(async () => (await target).set(key, text, takesInstants ? wall() + life : life))
      if (done === false) throw new Error('the store has not stored')
    },
    async delete(key) {
      const was = await watched(async () => (await target).delete(key))
      // It says that there was nothing, or that it did not work.
      if (was === false && (await get(key)) !== undefined) throw new Error('the store has not deleted')
    },
  }
}

interface Errors {
  count: number
  last: unknown
}

const SEEN = Symbol('errors of an adapter')

/**
 * What an adapter has reported so far. One listener an adapter, however many stashes it is used by; and it stays when they
 * are closed, because an error that nobody listens to ends the process.
 */
function errorsOf(source: KeyvLike): Errors {
  const errors: Errors = { count: 0, last: undefined }
  if (typeof source.on !== 'function') return errors
  const listeners = typeof source.listeners === 'function' ? source.listeners('error') : []
  const ours = Array.isArray(listeners)
    ? listeners.find((listener) => typeof listener === 'function' && SEEN in listener)
    : undefined
  if (ours !== undefined) return (ours as unknown as { readonly [SEEN]: Errors })[SEEN]
  const note = (error: unknown): void => {
    errors.count++
    errors.last = error
  }
  source.on('error', Object.assign(note, { [SEEN]: errors }))
  return errors
}

// A Map keeps what it is given for ever; Keyv keeps lifetimes for it. Loaded on first use. What is no entry of Keyv in the
// map is read as it lies there: whether it is one of ours is for others to say.
async function withLifetimes(map: Map<string, unknown>): Promise<KeyvLike> {
  const { Keyv } = await import('keyv')
  const keyv = new Keyv({ store: map, useKeyPrefix: false })
  return {
    get: async (key) => {
      try {
        return await keyv.get(key)
      } catch {
        return map.get(key)
      }
    },
    set: (key, text, lifeMs) => keyv.set(key, text, lifeMs),
    delete: (key) => keyv.delete(key),
  }
}

function takesExpires(source: object): boolean {
  if ('store' in source) return false
  const { capabilities } = source as { capabilities?: { expires?: unknown } }
  return capabilities?.expires === true
}
