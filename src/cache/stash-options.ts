import { optionHidden, optionInvalid, optionUnknown, preview } from '../errors/option-error.js'
import type { TextForm } from '../keys/text-form.js'
import type { Clock } from '../runtime/clock.js'
import type { CacheMode } from '../runtime/settings.js'
import { requireObject } from './argument-checks.js'
import type { FolderOptions } from './folder.js'
import { checkTextForm } from './namespace-checks.js'
import { isNamespaceDefinition, type NamespaceDefinition } from './namespace-options.js'
import { isPlain } from './plain-data.js'
import { resolveStoreOptions, STORE_OPTION_NAMES, type StoreOptions } from './store-options.js'

/** A definition whatever its types. */
// biome-ignore lint/suspicious/noExplicitAny: any value and key type fits here; each namespace keeps its own.
export type AnyDefinition = NamespaceDefinition<any, any>

/** Definitions by name. */
export type NamespaceDefinitions = Readonly<Record<string, AnyDefinition>>

/** A URL of a shared store, or `file:` and the path of a folder. */
export type StoreUrl = `${'redis' | 'rediss' | 'valkey' | 'valkeys'}://${string}` | `file:${string}`

/** A text that nobody knows before the program runs, such as a variable of the environment: it is checked then. */
type AnyText = string & Record<never, never>

/** Options of a stash. */
export interface StashOptions<Definitions extends NamespaceDefinitions> extends StoreOptions {
  /**
   * Where values are shared: `'memory'` for nowhere, a URL (`redis:`, `rediss:`, `valkey:`, `valkeys:`) as a text or a
   * `URL`, options of node-redis (of one server, a Cluster or Sentinels), its client or cluster, a `KeyvRedis`, any Keyv
   * adapter (with weaker guarantees), or a folder: `'file:./.cache'`, or {@link FolderOptions}.
   * @defaultValue `CACHE_URL`, else memory alone
   */
  readonly store?: 'memory' | StoreUrl | AnyText | FolderOptions | object | undefined
  /**
   * How what is stored is used. `'record'`: as a cache. `'replay'`: nothing is loaded and nothing written; what was never
   * recorded is `ERR_REPLAY_MISS`. `'refresh'`: whatever this process has not loaded itself is loaded and written anew.
   * `'off'`: neither read nor written, in memory neither.
   * @defaultValue `CACHE_MODE`, else `'record'`
   */
  readonly mode?: CacheMode | undefined
  /** First part of every key in a shared store. @defaultValue `'hopstash'` */
  readonly prefix?: string | undefined
  /** Makes the digests in keys HMACs, so that nobody with access to the store can test whether a text was asked. */
  readonly secret?: string | Uint8Array | undefined
  /** The namespaces. @defaultValue all presets */
  readonly namespaces?: Definitions
  /** Canonical form of texts inside keys. @defaultValue none */
  readonly text?: TextForm | undefined
  /** Bound of memory over all namespaces, bytes. @defaultValue 64 MiB */
  readonly maxBytes?: number | undefined
  /** Takes background refreshes, where the platform must be told to wait for them. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
  /** Time, for tests. @defaultValue the real one */
  readonly clock?: Clock | undefined
}

const OPTION_NAMES = [
  'store',
  'mode',
  'prefix',
  'secret',
  'namespaces',
  'text',
  'maxBytes',
  'waitUntil',
  'clock',
  ...STORE_OPTION_NAMES,
] as const

/** Names a namespace cannot have: they are, or will be, methods of the stash. */
export const RESERVED_NAMES = [
  'stats',
  'close',
  'clear',
  'health',
  'ready',
  'forget',
  'invalidateTags',
  'registry',
  'namespace',
  'names',
  'waitUntil',
  'settings',
  'closed',
  'then',
  'constructor',
  'prototype',
  '__proto__',
  'toString',
  'valueOf',
  'toJSON',
  'inspect',
  'events',
] as const

const NAME = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/

/** Checks the options of a stash. @throws {OptionError} `ERR_OPTION_INVALID` */
export function checkStashOptions(options: StashOptions<NamespaceDefinitions>): void {
  requireObject(options, 'options')
  for (const name of Object.keys(options)) {
    if (!(OPTION_NAMES as readonly string[]).includes(name)) throw optionUnknown('createStash()', name, OPTION_NAMES)
  }
  const { prefix, maxBytes, secret } = options
  if (options.store === null) throw optionInvalid('store', "left out, or 'memory' for none", null)
  if (prefix !== undefined && !(typeof prefix === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(prefix))) {
    throw optionInvalid('prefix', '1 to 64 letters, digits, dots, dashes or underscores', prefix)
  }
  if (maxBytes !== undefined && !(Number.isFinite(maxBytes) && maxBytes >= 1024))
    throw optionInvalid('maxBytes', 'a number of bytes from 1024', maxBytes)
  if (secret !== undefined && typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw optionHidden('secret', 'a text or bytes', 'something else')
  }
  if (secret !== undefined && secret.length < 16) {
    throw optionHidden('secret', 'at least 16 characters or bytes', `${secret.length} of them`)
  }
  const { namespaces, waitUntil } = options
  if (namespaces !== undefined && (typeof namespaces !== 'object' || namespaces === null || !isPlain(namespaces)))
    throw optionInvalid('namespaces', 'an object of definitions by name', namespaces)
  checkTextForm(options.text, 'text')
  resolveStoreOptions(options)
  if (options.clock !== undefined) checkClock(options.clock)
  if (waitUntil !== undefined && typeof waitUntil !== 'function')
    throw optionInvalid('waitUntil', 'a function of a promise', waitUntil)
}

function checkClock(clock: unknown): void {
  const methods = ['now', 'coarse', 'wall', 'random', 'setTimer', 'clearTimer'] as const
  const given = (typeof clock === 'object' && clock !== null ? clock : {}) as Partial<Record<string, unknown>>
  if (methods.some((method) => typeof given[method] !== 'function'))
    throw optionInvalid('clock', `an object with the methods ${methods.join(', ')}`, clock)
}

/** Checks the name and the kind of a namespace. @throws {OptionError} `ERR_OPTION_INVALID` */
export function checkNamespace(name: string, definition: unknown): void {
  if ((RESERVED_NAMES as readonly string[]).includes(name)) {
    throw optionInvalid(
      'namespaces',
      `named otherwise than ${preview(name)}, which is a name of the stash itself`,
      name,
    )
  }
  if (!NAME.test(name)) {
    throw optionInvalid(
      'namespaces',
      'named with a letter, then up to 63 letters, digits, dots, dashes or underscores',
      name,
    )
  }
  if (!isNamespaceDefinition(definition)) {
    throw optionInvalid(`namespaces.${name}`, 'made by namespace(…) or preset(…)', definition)
  }
}
