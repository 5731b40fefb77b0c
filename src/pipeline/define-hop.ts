import type { RecordHost } from '../cache/records.js'
import { optionInvalid } from '../errors/option-error.js'
import {
  checkAnswersAtOnce,
  checkFlag,
  checkFunction,
  checkShape,
  checkText,
  checkTexts,
} from '../resilience/option-shape.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { isSchema, type StandardSchema } from '../runtime/standard-schema.js'
import {
  type FallbackFunction,
  type FallbackStep,
  type ProviderStep,
  resolveFallback,
  type StaleStep,
} from './fallback.js'
import type { HopContext, Usage } from './hop-context.js'
import { type HopPolicies, POLICY_NAMES, resolvePolicies } from './policies.js'
import { checkUpstream, type SharedUpstream } from './upstream.js'

/** Where a hop keeps its answers. */
export interface HopCache<In, Host extends RecordHost | undefined = RecordHost> {
  /** A namespace of a stash. */
  readonly in: Host
  /**
   * What the answer depends on: inputs of one key get one answer, made from whichever came first, so it must say all that
   * `call` reads. @defaultValue the whole input, which is always right
   */
  readonly key?: ((context: { readonly input: In }) => unknown) | undefined
  /** @defaultValue the namespace's */
  readonly ttl?: Duration | undefined
  readonly tags?: readonly string[] | ((context: { readonly input: In }) => readonly string[]) | undefined
  /** A hard partition of the key: a tenant, a user. */
  readonly scope?: ((context: { readonly input: In }) => string) | undefined
  /** Whether an answer that passed the contract may be stored. Degraded ones never are. */
  readonly cacheable?: ((answer: unknown) => boolean) | undefined
}

/** What `auth` is called with; `refresh` after an attempt was refused with 401. */
export interface AuthContext {
  readonly attempt: number
  readonly refresh: boolean
}

/** What a fallback chain of a hop may hold. `staleFor` needs a `cache`. */
export type FallbackOf<In, Out, Host> =
  | ([Host] extends [undefined] ? never : StaleStep)
  | ProviderStep<In, unknown>
  | FallbackFunction<In, Out>
  | Out

/** A module's contract and policies; what `defineHop` takes. */
export interface HopOptions<RawIn, In, Returned, Out, Client, Auth, Host extends RecordHost | undefined>
  extends HopPolicies {
  /** Letters, digits, `_`, `-`, `.`; the name of the module in reports and cache keys. */
  readonly name: string
  readonly category?: string | undefined
  readonly description?: string | undefined
  readonly tags?: readonly string[] | undefined
  /** Part of the cache key: another version is a miss. */
  readonly version?: string | number | undefined
  /**
   * Who is called: hops of a pipeline with one `upstream` share breaker, limit and retry budget; those of several
   * pipelines, where it is made by `defineUpstream`, whose policies it then has. @defaultValue `name`
   */
  readonly upstream?: string | SharedUpstream | undefined
  /** What may go in. */
  readonly input?: StandardSchema<RawIn, In>
  /** What may come out, from the call, another provider, or a store. */
  readonly output?: StandardSchema<unknown, Out>
  readonly client?: Client
  /** Called for each attempt; what it returns goes to `call` and nowhere else. */
  readonly auth?: ((context: AuthContext) => Auth | PromiseLike<Auth>) | undefined
  readonly call: (context: HopContext<In, NoInfer<Client>, NoInfer<Auth>>) => Returned
  /** What a call used, told from its checked answer; adds to what the call says through `usage.add`. */
  readonly usage?: ((output: NoInfer<Out>) => Usage) | undefined
  /**
   * Whether a repeated call does no harm. `false`: an attempt that may have been carried out is never repeated.
   * @defaultValue unsaid: repeated as `retry` says, and `plan()` warns
   */
  readonly idempotent?: boolean | undefined
  readonly cache?: HopCache<NoInfer<In>, Host> | undefined
  /** Tried in order when there is no fresh answer. A hop with one fails no run. */
  readonly fallback?: readonly FallbackOf<NoInfer<In>, NoInfer<Out>, NoInfer<Host>>[] | undefined
}

/** What `defineHop` made of its options. Not for users. */
export interface HopDefinition {
  readonly name: string
  readonly category: string | undefined
  readonly description: string | undefined
  readonly tags: readonly string[]
  readonly upstream: string | SharedUpstream
  readonly input: StandardSchema | undefined
  readonly output: StandardSchema | undefined
  readonly client: unknown
  readonly auth: ((context: AuthContext) => unknown) | undefined
  readonly call: (context: HopContext<unknown, unknown, unknown>) => unknown
  readonly usage: ((output: unknown) => Usage) | undefined
  readonly idempotent: boolean | undefined
  readonly policies: HopPolicies
  readonly cache: HopCache<unknown> | undefined
  readonly recordsName: string
  readonly keepStaleMs: number
  readonly fallback: readonly FallbackStep[]
}

/** A hop: a call to an independent module with its own contract (a step). Wire it with `pipeline().hop()`. */
export interface Hop<In, Out, Client, Guarded extends boolean> {
  readonly name: string
  readonly category: string | undefined
  /** Whether the hop has a fallback. One that has none can fail a run. */
  readonly guarded: Guarded
  /** Not for users. */
  readonly definition: HopDefinition
  /** For inference only; never there. */
  readonly types?: { readonly input: (input: In) => void; readonly output: Out; readonly client: Client }
}

const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/
/** Options of a hop by name. */
export const HOP_OPTIONS: readonly string[] = [
  'name',
  'category',
  'description',
  'tags',
  'version',
  'upstream',
  'input',
  'output',
  'client',
  'auth',
  'call',
  'usage',
  'idempotent',
  'cache',
  'fallback',
  ...POLICY_NAMES,
]
const KNOWN_CACHE = ['in', 'key', 'ttl', 'tags', 'scope', 'cacheable']

/**
 * Declares a module: its contract in and out, its credentials, and what to do when it is slow or fails.
 *
 * @throws OptionError `ERR_OPTION_INVALID` for an unknown or impossible option.
 * @example
 * import { defineHop } from 'hopstash/pipeline'
 * const shout = defineHop({
 *   name: 'shout',
 *   call: async ({ input }: { input: { text: string } }) => input.text.toUpperCase(),
 *   fallback: ['(quiet)'],
 * })
 * shout.guarded // => true
 */
export function defineHop<
  Returned,
  In = unknown,
  RawIn = In,
  Out = Awaited<Returned>,
  Client = undefined,
  Auth = undefined,
  Host extends RecordHost | undefined = undefined,
  Given extends { readonly fallback?: unknown } = object,
>(
  options: HopOptions<RawIn, In, Returned, Out, Client, Auth, Host> & Given & Unknown<Given>,
): Hop<RawIn, Out, Client, IsGuarded<Given>> {
  const definition = resolveHop(options as unknown as AnyHopOptions)
  return Object.freeze({
    name: definition.name,
    category: definition.category,
    guarded: (definition.fallback.length > 0) as IsGuarded<Given>,
    definition,
  })
}

/** Makes an option nobody knows a compile error. */
export type Unknown<Given> = { readonly [Name in Exclude<keyof Given, keyof AnyHopOptions>]: never }

/** Whether a chain of such steps is there at all. */
export type IsGuarded<Given> = Given extends { readonly fallback: readonly unknown[] } ? true : false

/** {@link HopOptions} of some hop or other. */
export type AnyHopOptions = HopOptions<unknown, unknown, unknown, unknown, unknown, unknown, RecordHost | undefined>

/** Checks options of a hop; `owner` is the pipeline it was declared in. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveHop(options: AnyHopOptions, owner?: string): HopDefinition {
  checkShape('defineHop', options, HOP_OPTIONS)
  const { name } = options
  checkHopName('hop name', name)
  const where = `hop '${name}'`
  if (typeof options.call !== 'function') throw optionInvalid(`${where}.call`, 'a function', options.call)
  if (options.auth !== undefined && typeof options.auth !== 'function') {
    throw optionInvalid(`${where}.auth`, 'a function', options.auth, 'Write `auth: () => token`.')
  }
  checkFunction(options.usage, `${where}.usage`, 'a function of the answer')
  checkLabels(where, options)
  for (const side of ['input', 'output'] as const) {
    if (options[side] !== undefined && !isSchema(options[side])) {
      throw optionInvalid(`${where}.${side}`, 'a Standard Schema (zod, valibot, arktype)', options[side])
    }
  }
  const cache = resolveCache(where, options.cache as HopCache<unknown> | undefined)
  const fallback = resolveFallback(where, options.fallback, cache !== undefined)
  checkUpstream(`${where}.upstream`, options.upstream)
  const policies = pickPolicies(options)
  // Checked here as well as in the pipeline, so that the mistake is reported where it was made.
  resolvePolicies(where, policies, {})
  return Object.freeze({
    name,
    category: options.category,
    description: options.description,
    tags: Object.freeze([...(options.tags ?? [])]),
    upstream: options.upstream ?? name,
    input: options.input,
    output: options.output,
    client: options.client,
    auth: options.auth,
    call: options.call as HopDefinition['call'],
    usage: options.usage,
    idempotent: options.idempotent,
    policies,
    cache,
    recordsName: recordsNameOf(options, owner),
    keepStaleMs: Math.max(0, ...fallback.map((step) => (step.kind === 'stale' ? step.maxAgeMs : 0))),
    fallback,
  })
}

// A hop declared in place is named within its pipeline only: another pipeline's hop of that name is another function.
function recordsNameOf({ name, version }: AnyHopOptions, owner: string | undefined): string {
  const owned = owner === undefined ? name : `${owner}/${name}`
  return version === undefined ? `hop:${owned}` : `hop:${owned}@${version}`
}

/** The definition of what should be a hop. @throws OptionError */
export function definitionOf(where: string, hop: unknown): HopDefinition {
  const definition = (hop as Partial<Hop<never, unknown, unknown, boolean>> | null | undefined)?.definition
  if (typeof definition === 'object' && typeof definition?.call === 'function') return definition
  throw optionInvalid(where, 'what `defineHop` made', hop)
}

function checkLabels(where: string, { category, description, tags, version, idempotent }: AnyHopOptions): void {
  checkText(category, `${where}.category`)
  checkText(description, `${where}.description`)
  checkTexts(tags, `${where}.tags`)
  checkFlag(idempotent, `${where}.idempotent`)
  if (version !== undefined && typeof version !== 'string' && typeof version !== 'number') {
    throw optionInvalid(`${where}.version`, 'a text or a number', version)
  }
}

/** Names go into reports, cache keys, headers and queue ids, so they are plain. @throws OptionError */
export function checkHopName(option: string, name: unknown): void {
  if (typeof name === 'string' && NAME.test(name) && name !== 'then') return
  throw optionInvalid(option, 'a letter, then up to 63 letters, digits, `_`, `-` or `.`', name)
}

function resolveCache(where: string, cache: HopCache<unknown> | undefined): HopCache<unknown> | undefined {
  if (cache === undefined) return undefined
  checkShape(`${where}.cache`, cache, KNOWN_CACHE)
  if (typeof cache.in?.records !== 'function') {
    throw optionInvalid(`${where}.cache.in`, 'a namespace of a stash', cache.in, 'Write `cache: { in: stash.prompt }`.')
  }
  if (cache.ttl !== undefined) parseDuration(cache.ttl, `${where}.cache.ttl`)
  for (const part of ['key', 'scope', 'cacheable'] as const) checkFunction(cache[part], `${where}.cache.${part}`)
  checkTexts(cache.tags, `${where}.cache.tags`, true)
  for (const part of ['key', 'tags', 'scope', 'cacheable'] as const)
    checkAnswersAtOnce(cache[part], `${where}.cache.${part}`)
  return Object.freeze({ ...cache })
}

function pickPolicies(options: HopPolicies): HopPolicies {
  const picked: Record<string, unknown> = {}
  for (const policy of POLICY_NAMES) if (options[policy] !== undefined) picked[policy] = options[policy]
  return Object.freeze(picked)
}
