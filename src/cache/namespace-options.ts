import type { TextForm } from '../keys/text-form.js'
import type { Duration } from '../runtime/duration.js'
import { requireObject } from './argument-checks.js'
import type { Isolation } from './ownership.js'
import type { StandardSchema } from './standard-schema.js'

/** A lifetime: a duration, `Infinity` for none, 0 for "do not store", or a function that decides it from the value. */
export type Ttl<V> = Duration | ((value: V) => Duration | undefined)

/** Early refresh by chance, weighted by how long loads take (XFetch, Vattani et al. 2015). */
export interface EarlyRefresh {
  /** Above 1 refreshes earlier, below 1 later. @defaultValue `1` */
  readonly beta?: number | undefined
}

/** Errors that are remembered for a while, so that a failing upstream is not asked again by every caller. */
export interface NegativeCaching {
  /** Which errors to remember. */
  readonly when: (error: unknown) => boolean
  readonly ttl: Duration
}

/**
 * How a namespace behaves. Every option has the same name at stash, namespace and call level; the nearest wins.
 *
 * @typeParam V The value. @typeParam K What a caller gives as key.
 */
export interface NamespaceOptions<V, K> {
  /** The parts of the key that matter, in order; short scalars stay readable. @defaultValue the whole input */
  readonly key?: ((input: K) => readonly unknown[]) | undefined
  /** A hard partition of the key: tenant, user. Two scopes never share an entry. */
  readonly scope?: ((input: K) => string | undefined) | undefined
  /** Refuse a key without a scope (`ERR_SCOPE_REQUIRED`). @defaultValue `false` */
  readonly requireScope?: boolean | undefined
  /** Whose data an entry is, for erasure by `forget(subject)`. */
  readonly subject?: ((input: K) => string | undefined) | undefined
  /** How long a value is fresh, counted from the end of its load. @defaultValue `'10m'` */
  readonly ttl?: Ttl<V> | undefined
  /** Longest lifetime a loader or a call may ask for. @defaultValue `Infinity` */
  readonly maxTtl?: Duration | undefined
  /** Share of the ttl by which a lifetime is shortened at random, 0 to 0.5. @defaultValue `0.05` */
  readonly jitter?: number | undefined
  /** How long after the ttl the old value is served at once while a refresh runs behind (RFC 5861). @defaultValue `0` */
  readonly staleWhileRevalidate?: Duration | undefined
  /** How long after the ttl the old value stands in when a load fails (RFC 5861). @defaultValue `0` */
  readonly staleIfError?: Duration | undefined
  /** Share of the ttl after which a read refreshes behind, 0 to 1. @defaultValue off */
  readonly refreshAhead?: number | undefined
  /** Refresh by chance before the end of the ttl, earlier for slow loads. @defaultValue off */
  readonly earlyRefresh?: boolean | EarlyRefresh | undefined
  /** A read starts the ttl anew. @defaultValue `false` */
  readonly sliding?: boolean | undefined
  /** Serve a stale value when a load takes longer than this. @defaultValue off */
  readonly softTimeout?: Duration | undefined
  /** A load that takes longer fails with `ERR_LOAD_TIMEOUT`. @defaultValue `'5m'` */
  readonly hardTimeout?: Duration | undefined
  /** Errors to remember. @defaultValue none */
  readonly negative?: NegativeCaching | undefined
  /** Tags of an entry, from its value and key. */
  readonly tags?: readonly string[] | ((value: V, input: K) => readonly string[]) | undefined
  /** Entries kept in memory. @defaultValue `100` */
  readonly max?: number | undefined
  /** A larger value is not kept in memory. @defaultValue 8 MiB */
  readonly maxValueBytes?: number | undefined
  /** What readers get: one frozen object, a copy each, or the very same object. @defaultValue `'freeze'` */
  readonly isolation?: Isolation | undefined
  /** Checks a value that enters from outside the process; what does not fit is a miss. */
  readonly schema?: StandardSchema<unknown, V> | undefined
  /** Brings a stored value of an older form into today's; `undefined` makes it a miss. */
  readonly migrate?: ((stored: unknown) => V | undefined) | undefined
  /** Whether a loaded value may be stored. @defaultValue every value but `undefined` */
  readonly cacheable?: ((value: V) => boolean) | undefined
  /** Share one load among the processes of a shared store, too. @defaultValue `'process'` */
  readonly coalesce?: 'process' | 'cluster' | undefined
  /** Throw on keys and values that cannot be cached, instead of passing them through. @defaultValue `false` */
  readonly strict?: boolean | undefined
  /** Find a loader that waits for its own key anywhere, not only in its synchronous part; costs promise speed. @defaultValue `false` */
  readonly detectReentrancy?: boolean | undefined
  /** Canonical form of texts inside keys. @defaultValue none: every code unit counts */
  readonly text?: TextForm | undefined
  /** Part of every key: another version is a miss, never a wrong hit. */
  readonly version?: string | number | undefined
  /** What one load costs upstream, for the savings in `stats()`. */
  readonly cost?: ((value: V) => { readonly tokens?: number; readonly money?: number }) | undefined
  /** For people: shown in the registry. */
  readonly description?: string | undefined
  readonly category?: string | undefined
  /** Tags of the namespace itself in the registry, not of its entries. */
  readonly labels?: readonly string[] | undefined
}

/** Names of all {@link NamespaceOptions}, for the check against typos. */
export const NAMESPACE_OPTION_NAMES = [
  'key',
  'scope',
  'requireScope',
  'subject',
  'ttl',
  'maxTtl',
  'jitter',
  'staleWhileRevalidate',
  'staleIfError',
  'refreshAhead',
  'earlyRefresh',
  'sliding',
  'softTimeout',
  'hardTimeout',
  'negative',
  'tags',
  'max',
  'maxValueBytes',
  'isolation',
  'schema',
  'migrate',
  'cacheable',
  'coalesce',
  'strict',
  'detectReentrancy',
  'text',
  'version',
  'cost',
  'description',
  'category',
  'labels',
] as const satisfies readonly (keyof NamespaceOptions<never, never>)[]

const DEFINITION = Symbol.for('hopstash.namespace')

/**
 * A namespace before a stash gives it storage.
 *
 * @typeParam V The value. @typeParam K What a caller gives as key.
 */
export interface NamespaceDefinition<V, K> {
  readonly [DEFINITION]: true
  readonly options: NamespaceOptions<V, K>
  /** The preset it was made from, if any. */
  readonly preset: string | undefined
  /** The same definition for values of another type: for presets whose value is typed by the host. */
  as<T>(): NamespaceDefinition<T, K>
}

/** Makes a definition; `namespace` and `preset` are the public ways to it. */
export function defineNamespace<V, K>(options: NamespaceOptions<V, K>, preset?: string): NamespaceDefinition<V, K> {
  requireObject(options, 'options', 'an object of namespace options')
  const definition: NamespaceDefinition<V, K> = Object.freeze({
    [DEFINITION]: true as const,
    options: Object.freeze({ ...options }),
    preset,
    as: <T>() => definition as unknown as NamespaceDefinition<T, K>,
  })
  return definition
}

/** Whether a value was made by {@link defineNamespace}. */
export function isNamespaceDefinition(value: unknown): value is NamespaceDefinition<unknown, unknown> {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[DEFINITION] === true
}
