import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { argumentsInput } from '../keys/key.js'
import { checkAnswersAtOnce } from '../resilience/option-shape.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { requireFunction, requireObject, requireText } from './argument-checks.js'
import { bypass } from './bypass.js'
import type { ReadOptions } from './call-options.js'
import { freshValue } from './entry-view.js'
import type { Namespace } from './namespace.js'
import { stateOf } from './namespace-state.js'
import { checkTags } from './policy.js'
import { getOrSet } from './read.js'
import type { NamespaceState } from './state.js'
import { verbsOf } from './verbs.js'
import { viewOf } from './view.js'
import type { WriteResult } from './words.js'

type AnyFunction = (...args: never[]) => Promise<unknown>

/** A namespace with keys of type `K`, whatever its values. */
export type NamespaceFor<K> = Pick<Namespace, 'name'> & { peek(key: K): unknown }

/** How a function is cached. */
export interface CachedOptions<Args extends readonly unknown[], K = unknown> {
  /** The namespace that keeps the results. */
  readonly in: NamespaceFor<K>
  /** Part of every key; needed for a function without a name. @defaultValue `fn.name` */
  readonly name?: string | undefined
  /** The namespace's key for these arguments. @defaultValue the arguments themselves */
  readonly key?: ((...args: Args) => NoInfer<K>) | undefined
  readonly ttl?: Duration | undefined
  readonly tags?: readonly string[] | ((...args: Args) => readonly string[]) | undefined
  /** Whose data a result is, for `stash.forget`. @defaultValue with `key` what the namespace says, else nobody's */
  readonly subject?: ((...args: Args) => string | undefined) | undefined
  /** For people: shown in the registry. */
  readonly description?: string | undefined
}

const OPTION_NAMES = ['in', 'name', 'key', 'ttl', 'tags', 'subject', 'description']

/** What a cached function can do beside being called. */
export interface CachedMethods<F extends AnyFunction> {
  /** The stored form of the key for these arguments. */
  key(...args: Parameters<F>): string
  /** Calls the function and replaces what is cached. */
  fresh(...args: Parameters<F>): Promise<Awaited<ReturnType<F>>>
  /** The fresh value in memory, or `undefined`. */
  peek(...args: Parameters<F>): Awaited<ReturnType<F>> | undefined
  delete(...args: Parameters<F>): Promise<WriteResult>
  expire(...args: Parameters<F>): Promise<WriteResult>
}

/** A function of the same type (overloads and `this` included) whose results are cached. */
export type CachedFunction<F extends AnyFunction> = F & CachedMethods<F>

/**
 * Wraps an asynchronous function so that equal arguments get the cached result.
 *
 * The function's name is part of the key: two functions in one namespace never serve each other, and a second one of
 * the same name in a namespace is refused (`ERR_NAME_TAKEN`). `this` reaches the function but not the key.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for an anonymous function without a `name`.
 * @example
 * import { cached, createStash } from 'hopstash'
 * const stash = createStash()
 * let calls = 0
 * const square = cached(async (n: number) => { calls++; return n * n }, { in: stash.general, name: 'square' })
 * await square(4) // => 16
 * await square(4)
 * calls // => 1
 */
export function cached<F extends AnyFunction, K = unknown>(
  fn: F,
  options: CachedOptions<Parameters<F>, K>,
): CachedFunction<F> {
  requireFunction(fn, 'fn', 'a function')
  const site = siteOf(options, options?.name ?? fn.name)
  const target = fn as unknown as Target
  return Object.assign(wrapperOf(site, target), methodsOf<F>(site, target)) as unknown as CachedFunction<F>
}

/**
 * A standard decorator of methods, and of fields that hold a function, with the options of {@link cached}.
 *
 * Instances share entries: `this` reaches the function and is no part of the key. Put what tells instances apart into
 * `key`.
 */
cached.method = <K = unknown>(options: MethodOptions<K>): CachedDecorator => {
  requireObject(options, 'options', EXPECTED_OPTIONS)
  const decorate = (value: unknown, context: DecoratorContext): unknown => {
    const kind: unknown = context?.kind
    if (kind !== 'method' && kind !== 'field') {
      throw optionInvalid(
        'cached.method',
        'a standard decorator of a method or a field',
        kind ?? 'another kind',
        LEGACY,
      )
    }
    const site = siteOf(options as unknown as CachedOptions<readonly unknown[]>, options.name ?? String(context.name))
    if (kind === 'method') return wrapperOf(site, value as Target)
    return (initial: unknown) => {
      requireFunction(initial, `${site.name}`, 'a function, as the value of a field with `cached.method`')
      return wrapperOf(site, initial as Target)
    }
  }
  return decorate as CachedDecorator
}

const EXPECTED_OPTIONS = 'an object with `in`, such as `{ in: stash.general }`'
const LEGACY = 'TypeScript makes standard decorators without `experimentalDecorators`.'

type Target = (this: unknown, ...args: unknown[]) => unknown
type AnyMethod = (this: never, ...args: never[]) => Promise<unknown>

/** What {@link cached.method} returns: it keeps the type of a method, or of a field's function. */
export interface CachedDecorator {
  <F extends AnyMethod>(method: F, context: ClassMethodDecoratorContext): F
  <This, F extends AnyMethod>(field: undefined, context: ClassFieldDecoratorContext<This, F>): (initial: F) => F
}

function wrapperOf(site: Site, target: Target): Target {
  const wrapper = function (this: unknown, ...args: unknown[]): Promise<unknown> {
    return call(site, this, target, args, undefined)
  }
  Object.defineProperty(wrapper, 'name', { value: site.name })
  Object.defineProperty(wrapper, 'length', { value: target.length })
  return wrapper
}

/** How a method is cached; the arguments of `key` and `tags` are those of the method, to be annotated. */
export interface MethodOptions<K>
  extends Pick<CachedOptions<readonly unknown[], K>, 'in' | 'name' | 'ttl' | 'description'> {
  readonly key?: ((...args: never[]) => NoInfer<K>) | undefined
  readonly tags?: readonly string[] | ((...args: never[]) => readonly string[]) | undefined
  readonly subject?: ((...args: never[]) => string | undefined) | undefined
}

/** Everything a wrapped function needs at a call. */
interface Site {
  readonly name: string
  readonly state: NamespaceState
  readonly inputOf: (args: readonly unknown[]) => unknown
  readonly optionsOf: ((args: readonly unknown[]) => ReadOptions) | undefined
}

function siteOf<Args extends readonly unknown[], K>(options: CachedOptions<Args, K>, name: string): Site {
  requireObject(options, 'options', EXPECTED_OPTIONS)
  for (const option of Object.keys(options)) {
    if (!OPTION_NAMES.includes(option)) throw optionUnknown('the cached() options', option, OPTION_NAMES)
  }
  if (options.ttl !== undefined) parseDuration(options.ttl, 'cached.ttl')
  if (options.tags !== undefined && typeof options.tags !== 'function') checkTags(options.tags, 'cached.tags')
  if (options.key !== undefined) requireFunction(options.key, 'cached.key', 'a function of the arguments')
  if (options.subject !== undefined) requireFunction(options.subject, 'cached.subject', 'a function of the arguments')
  for (const option of ['key', 'tags', 'subject'] as const) checkAnswersAtOnce(options[option], `cached.${option}`)
  requireText(options.description, 'cached.description')
  if (typeof name !== 'string') throw optionInvalid('name', 'a text', name)
  if (name === '') throw optionInvalid('name', 'given for an anonymous function: it is part of every key', name)
  const host = stateOf(options.in)
  host.registry.register({ kind: 'function', name: `${host.name}/${name}`, description: options.description })
  const key = options.key as ((...args: readonly unknown[]) => unknown) | undefined
  return {
    name,
    state: viewOf(host, name, key === undefined ? 'record' : 'direct'),
    inputOf: key === undefined ? argumentsInput : (args) => key(...args),
    optionsOf: readOptionsOf(options),
  }
}

function readOptionsOf<Args extends readonly unknown[], K>(options: CachedOptions<Args, K>): Site['optionsOf'] {
  const { ttl, tags, subject } = options
  if (ttl === undefined && tags === undefined && subject === undefined) return undefined
  const fixed = { ...(ttl !== undefined && { ttl }), ...(Array.isArray(tags) && { tags: tags as readonly string[] }) }
  if (typeof tags !== 'function' && subject === undefined) return () => fixed
  return (args) => ({
    ...fixed,
    ...(typeof tags === 'function' && { tags: checkTags(tags(...(args as Args)) ?? [], 'cached.tags') }),
    ...subjectOf(subject?.(...(args as Args))),
  })
}

function subjectOf(subject: string | undefined): Pick<ReadOptions, 'subject'> {
  if (subject === undefined) return {}
  requireText(subject, 'cached.subject')
  return { subject }
}

function call(
  site: Site,
  self: unknown,
  target: Target,
  args: unknown[],
  more: ReadOptions | undefined,
): Promise<unknown> {
  let input: unknown
  let options: ReadOptions | undefined
  try {
    input = site.inputOf(args)
    options = site.optionsOf?.(args)
  } catch (error) {
    // Neither the key nor the marks of this call can be told: it goes through, and leaves nothing behind.
    return bypass(site.state, input, () => target.apply(self, args), more, error)
  }
  return getOrSet(
    site.state,
    input,
    () => target.apply(self, args),
    more === undefined ? options : { ...options, ...more },
  )
}

function methodsOf<F extends AnyFunction>(site: Site, target: Target): CachedMethods<F> {
  const { state, inputOf } = site
  const verbs = verbsOf(state)
  return {
    key: (...args) => state.keyer.text(state.keyer.id(inputOf(args), state.scopeOf?.(inputOf(args)))),
    fresh: (...args) => call(site, undefined, target, args, { forceFresh: true }) as Promise<Awaited<ReturnType<F>>>,
    peek: (...args) => peek(site, args) as Awaited<ReturnType<F>> | undefined,
    delete: async (...args) => verbs.remove(inputOf(args), undefined),
    expire: async (...args) => verbs.expire(inputOf(args), undefined),
  }
}

// As for any read: a key that cannot be made has nothing cached.
function peek({ state, inputOf }: Site, args: readonly unknown[]): unknown {
  let input: unknown
  try {
    input = inputOf(args)
  } catch (error) {
    if (state.live.policy.strict) throw error
    state.counters.bypassed++
    return undefined
  }
  return freshValue(state, input, undefined)
}
