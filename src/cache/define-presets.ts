import { keyIncomplete } from '../errors/key-error.js'
import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { withoutUndefined } from '../runtime/without-undefined.js'
import { requireObject } from './argument-checks.js'
import { defineNamespace, type NamespaceDefinition, type NamespaceOptions } from './namespace-options.js'
import type { StandardSchema } from './standard-schema.js'

/** Value and key type of a preset. */
export interface PresetType {
  readonly value: unknown
  readonly key: unknown
}

/** The options of each preset of an entry. */
export type PresetTable<Types extends Record<keyof Types, PresetType>> = {
  readonly [N in keyof Types]: NamespaceOptions<Types[N]['value'], Types[N]['key']>
}

/** Definitions of all presets of an entry, by name. */
export type PresetDefinitions<Types extends Record<keyof Types, PresetType>> = {
  readonly [N in keyof Types]: NamespaceDefinition<Types[N]['value'], Types[N]['key']>
}

/** Options a preset may be given: those of a namespace but its key. */
export type PresetOptions<V, K> = Omit<NamespaceOptions<V, K>, 'key' | 'schema'>

/** What a call may say of a preset: {@link PresetOptions}, and a `schema` that types its value. */
export type PresetChanges<V, K> = PresetOptions<V, K> & { readonly schema?: StandardSchema<unknown, V> }

/**
 * A part that the key of a preset is made of. Where types are not checked it may be misspelt or missing, and all inputs
 * without it would share an entry.
 *
 * @throws {KeyError} `ERR_KEY_UNSUPPORTED` for `undefined` and `null`
 */
export function needed<T>(part: T, path: string): NonNullable<T> {
  if (part === undefined || part === null) throw keyIncomplete(path, String(part))
  return part
}

/** The same of a property of the input. */
export function neededIn<K, N extends keyof K & string>(input: K, name: N): NonNullable<K[N]> {
  return needed((input as K | undefined)?.[name] as K[N], `$.${name}`)
}

/** The tag of the entries about a resume, where it has an id. */
export function resumeTag(resumeId: string | undefined): string[] {
  return resumeId === undefined ? [] : [`resume:${resumeId}`]
}

/** Returns the definition of every preset of a table. */
export function definePresets<Types extends Record<keyof Types, PresetType>>(
  table: PresetTable<Types>,
): PresetDefinitions<Types> {
  return Object.freeze(
    Object.fromEntries(
      Object.entries(table).map(([name, options]) => [
        name,
        defineNamespace(options as NamespaceOptions<unknown, unknown>, name),
      ]),
    ),
  ) as PresetDefinitions<Types>
}

/**
 * Returns a preset of a table with some options of one's own.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for an unknown preset, or a `key`: another key is another namespace.
 */
export function changePreset<Types extends Record<keyof Types, PresetType>, V, K>(
  table: PresetTable<Types>,
  name: string,
  changes: PresetChanges<V, K>,
): NamespaceDefinition<V, K> {
  if (!Object.hasOwn(table, name)) throw optionUnknown('the presets', name, Object.keys(table))
  requireObject(changes, 'options', 'an object of namespace options')
  if ('key' in changes && changes.key !== undefined) {
    throw optionInvalid(`preset('${name}').key`, 'absent: for another key declare a namespace', changes.key)
  }
  return defineNamespace(
    { ...table[name as keyof Types], ...withoutUndefined(changes) } as unknown as NamespaceOptions<V, K>,
    name,
  )
}

/**
 * Declares a namespace of one's own, typed by its key and value.
 *
 * @example
 * import { createStash, digest, namespace } from 'hopstash'
 * const stash = createStash({
 *   namespaces: {
 *     letter: namespace<string, { jobId: string; resume: object }>({
 *       key: ({ jobId, resume }) => ['letter', jobId, digest(resume)],
 *       ttl: '30d',
 *     }),
 *   },
 * })
 * await stash.letter.getOrSet({ jobId: 'j1', resume: {} }, () => 'Dear …') // => 'Dear …'
 */
export function namespace<V = unknown, K = unknown>(options: NamespaceOptions<V, K> = {}): NamespaceDefinition<V, K> {
  return defineNamespace(options)
}
