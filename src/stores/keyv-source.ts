import { optionInvalid } from '../errors/option-error.js'

/** A Keyv, or one of its storage adapters, of version 5 or 6; or a Map. */
export interface KeyvLike {
  get(key: string): unknown
  set(key: string, value: string, ttl?: number): unknown
  delete(key: string): unknown
  on?(event: 'error', listener: (error: unknown) => void): unknown
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
  let errors = 0
  let lastError: unknown
  const note = (error: unknown): void => {
    errors++
    lastError = error
  }
  if (typeof source.on === 'function') source.on('error', note)
  const takesInstants = takesExpires(source)
  const target = source instanceof Map ? withLifetimes(source) : Promise.resolve(source)

  const watched = async <T>(work: () => T | Promise<T>): Promise<T> => {
    const before = errors
    const result = await work()
    if (errors !== before) throw lastError instanceof Error ? lastError : new Error('the store reported an error')
    return result
  }

  return {
    async get(key) {
      const value = await watched(async () => (await target).get(key))
      return typeof value === 'string' ? value : undefined
    },
    async set(key, text, lifeMs) {
      const life = Math.ceil(lifeMs)
      const done = await watched(async () => (await target).set(key, text, takesInstants ? wall() + life : life))
      if (done === false) throw new Error('the store has not stored')
    },
    async delete(key) {
      // What comes back says whether there was something, not whether it worked.
      await watched(async () => (await target).delete(key))
    },
  }
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
