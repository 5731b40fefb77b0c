import type { StashMethods } from '../cache/build-stash.js'
import { nameTaken, optionInvalid, optionUnknown } from '../errors/option-error.js'
import type { MeteredPipeline } from '../observe/prometheus.js'
import type { RunReport } from '../pipeline/report.js'
import { type Clock, createSystemClock } from '../runtime/clock.js'

/** What the handler needs of a stash. */
export type AdminStash = Pick<
  StashMethods,
  'stats' | 'names' | 'namespace' | 'health' | 'invalidateTags' | 'clear' | 'registry'
> & {
  forget?(subject: string): Promise<object>
}

/** The part of a pipeline the handler shows. */
export interface AdminPipeline extends MeteredPipeline {
  subscribe(observer: (report: RunReport) => void): () => void
}

/** How a provider is, where a host or a pool knows. */
export interface ProviderState {
  readonly configured: boolean
  readonly state?: 'unknown' | 'ready' | 'degraded' | 'down' | 'unconfigured'
}

/** The part of a connection pool the handler shows. */
export interface AdminPool {
  /** How its upstreams are, by name. */
  providers?(): Readonly<Record<string, ProviderState>>
  stats?(): unknown
}

/** What a request asks for: to look, to change, or to erase. */
export type AdminAction = 'read' | 'clear' | 'invalidate' | 'forget'

/** Told of every change that was asked for, allowed or not. Never a tag, a key or a subject. */
export interface AuditEvent {
  readonly at: string
  readonly action: Exclude<AdminAction, 'read'> | 'unauthorized'
  /** A namespace, or `null` for all. */
  readonly namespace: string | null
  readonly outcome: 'done' | 'refused' | 'failed'
}

/** Options of {@link adminHandler}. One of `token` and `authorize` is needed. */
export interface AdminOptions {
  /** The bearer token, or several while one replaces another; at least 16 characters each. Compared in constant time. */
  readonly token?: string | readonly string[] | undefined
  /** Decides instead of a token. `() => true` opens the handler to everybody who can reach it. */
  readonly authorize?: ((request: Request, action: AdminAction) => boolean | Promise<boolean>) | undefined
  /** Pipelines whose metrics and last runs are shown. */
  readonly pipelines?: readonly AdminPipeline[] | undefined
  /** Which providers are configured: any value but `undefined`, `''` and `false` says yes. Values are never shown. */
  readonly providers?: Readonly<Record<string, unknown>> | undefined
  /** A connection pool whose upstreams and statistics are shown. */
  readonly pool?: AdminPool | undefined
  /** Where the handler is mounted, such as `/api/cache`. @defaultValue found from the end of the path */
  readonly basePath?: string | undefined
  /** Changes in a minute, a quarter of them at once. @defaultValue `60` */
  readonly maxChangesPerMinute?: number | undefined
  /** Is told of every change. What it throws is ignored. The same goes out on the channel `hopstash:admin`. */
  readonly onAudit?: ((event: AuditEvent) => void) | undefined
  readonly clock?: Clock | undefined
}

/** Options with nothing left open. */
export interface ResolvedAdminOptions {
  readonly tokens: readonly string[]
  readonly authorize: AdminOptions['authorize']
  readonly pipelines: readonly AdminPipeline[]
  readonly configured: Readonly<Record<string, boolean>>
  readonly pool: AdminPool | undefined
  readonly basePath: string | undefined
  readonly maxChangesPerMinute: number
  readonly onAudit: AdminOptions['onAudit']
  readonly clock: Clock
}

const KNOWN = [
  'token',
  'authorize',
  'pipelines',
  'providers',
  'pool',
  'basePath',
  'maxChangesPerMinute',
  'onAudit',
  'clock',
] as const
const MIN_TOKEN = 16

/** @throws {OptionError} `ERR_OPTION_INVALID` */
export function resolveAdminOptions(options: AdminOptions): ResolvedAdminOptions {
  if (typeof options !== 'object' || options === null) throw optionInvalid('options', 'an object', options)
  for (const name of Object.keys(options)) {
    if (!(KNOWN as readonly string[]).includes(name)) throw optionUnknown('adminHandler()', name, KNOWN)
  }
  const { authorize, pipelines = [], providers = {}, pool, basePath, maxChangesPerMinute = 60, onAudit } = options
  if (authorize !== undefined && typeof authorize !== 'function')
    throw optionInvalid('authorize', 'a function of a request', authorize)
  if (!Array.isArray(pipelines)) throw optionInvalid('pipelines', 'an array of pipelines', pipelines)
  const names = pipelines.map((pipeline: AdminPipeline) => pipeline?.name)
  const twice = names.find((name, place) => names.indexOf(name) !== place)
  if (twice !== undefined)
    throw nameTaken('pipeline', twice, 'Runs and metrics are told apart by the names of pipelines.')
  if (typeof providers !== 'object' || providers === null)
    throw optionInvalid('providers', 'an object by name of provider', providers)
  if (!(Number.isInteger(maxChangesPerMinute) && maxChangesPerMinute >= 1))
    throw optionInvalid('maxChangesPerMinute', 'a whole number from 1', maxChangesPerMinute)
  if (onAudit !== undefined && typeof onAudit !== 'function')
    throw optionInvalid('onAudit', 'a function of an event', onAudit)
  return {
    tokens: tokensOf(options),
    authorize,
    pipelines,
    configured: Object.fromEntries(Object.entries(providers).map(([name, given]) => [name, isConfigured(given)])),
    pool,
    basePath: basePathOf(basePath),
    maxChangesPerMinute,
    onAudit,
    clock: options.clock ?? createSystemClock(),
  }
}

function tokensOf({ token, authorize }: AdminOptions): readonly string[] {
  if (token === undefined) {
    if (authorize !== undefined) return []
    throw optionInvalid(
      'token',
      `a secret text, or \`authorize\` a function: the handler is closed by default`,
      token,
      'Is the variable it comes from set?',
    )
  }
  const tokens = typeof token === 'string' ? [token] : [...token]
  for (const one of tokens) {
    if (typeof one !== 'string' || one.length < MIN_TOKEN) {
      // Never the token itself.
      const received = typeof one === 'string' ? `${one.length} of them` : typeof one
      throw optionInvalid('token', `at least ${MIN_TOKEN} characters`, received)
    }
    // A header could not carry it, and nobody would ever be let in.
    if (!/^[\x21-\x7e]+$/.test(one))
      throw optionInvalid(
        'token',
        'visible ASCII characters without spaces',
        'others among them',
        'Does it end with a newline?',
      )
  }
  if (tokens.length === 0) throw optionInvalid('token', 'at least one token', tokens)
  return tokens
}

function isConfigured(given: unknown): boolean {
  return given !== undefined && given !== null && given !== '' && given !== false
}

function basePathOf(basePath: string | undefined): string | undefined {
  if (basePath === undefined) return undefined
  if (typeof basePath !== 'string' || !basePath.startsWith('/'))
    throw optionInvalid('basePath', "a path that begins with '/'", basePath)
  return basePath.replace(/\/+$/, '')
}
