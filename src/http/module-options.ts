import { optionHidden, optionInvalid, preview } from '../errors/option-error.js'
import { checkShape, wholeNumber } from '../resilience/option-shape.js'
import { isSchema, type StandardSchema } from '../runtime/standard-schema.js'
import type { ModuleAuth } from './credentials.js'
import {
  type CallTimeouts,
  type PoolPolicy,
  type ResolvedTimeouts,
  resolveDeadlineHeader,
  resolveTimeouts,
} from './pool-options.js'
import { resolveHeaders } from './request-headers.js'

/** One module: where it is, who we are to it, and what goes in and comes out. */
export interface ModuleOptions<In = unknown, Out = unknown> {
  /** Names it in errors and in `pool.providers()`; one of a name in a pool. @defaultValue the host of `baseUrl` */
  readonly name?: string | undefined
  /** Paths of calls come behind it; none can leave it. */
  readonly baseUrl: string | URL
  /**
   * A bearer token, or a function that gets one, called once: what it gave is kept until the upstream answers 401, and
   * then asked for once more, for all calls together. `{ header, value }` puts it into another header, as it is.
   */
  readonly auth?: ModuleAuth | undefined
  /** Sent with every call. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** @defaultValue those of the pool */
  readonly timeouts?: CallTimeouts | undefined
  /** @defaultValue that of the pool */
  readonly deadlineHeader?: string | false | undefined
  /** @defaultValue that of the pool */
  readonly maxAnswerBytes?: number | undefined
  /** What may be sent, unless a call says otherwise. */
  readonly input?: StandardSchema<In, unknown> | undefined
  /** What may come back, unless a call says otherwise. */
  readonly output?: StandardSchema<unknown, Out> | undefined
}

/** {@link ModuleOptions}, complete. */
export interface ModulePolicy {
  readonly name: string
  readonly base: URL
  readonly auth: ModuleAuth | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly timeouts: ResolvedTimeouts
  readonly deadlineHeader: string | false
  readonly maxAnswerBytes: number
  readonly input: StandardSchema | undefined
  readonly output: StandardSchema | undefined
}

const KNOWN = [
  'name',
  'baseUrl',
  'auth',
  'headers',
  'timeouts',
  'deadlineHeader',
  'maxAnswerBytes',
  'input',
  'output',
] as const

/** Checks and completes {@link ModuleOptions}. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveModule(options: ModuleOptions<never, unknown>, pool: PoolPolicy): ModulePolicy {
  checkShape('module', options, KNOWN)
  const base = baseOf(options.baseUrl)
  const { name = base.hostname, timeouts, deadlineHeader = pool.deadlineHeader } = options
  if (typeof name !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_.:[\]-]{0,252}$/.test(name)) {
    throw optionInvalid('name', 'a name of letters, digits, `_`, `-` or `.`', name)
  }
  return Object.freeze({
    name,
    base,
    auth: options.auth,
    headers: Object.freeze(resolveHeaders('headers', options.headers)),
    timeouts: resolveTimeouts('timeouts', timeouts, pool.timeouts),
    deadlineHeader: resolveDeadlineHeader('deadlineHeader', deadlineHeader),
    maxAnswerBytes: wholeNumber(options.maxAnswerBytes ?? pool.maxAnswerBytes, 'maxAnswerBytes', 1, true),
    input: checkSchema('input', options.input),
    output: checkSchema('output', options.output),
  })
}

/** Checks that a contract is one. @throws OptionError */
export function checkSchema(option: string, schema: unknown): StandardSchema | undefined {
  if (schema === undefined || isSchema(schema)) return schema
  throw optionInvalid(option, 'a Standard Schema (zod, valibot, arktype)', schema)
}

function baseOf(baseUrl: string | URL): URL {
  let base: URL | undefined
  try {
    base = new URL(baseUrl)
  } catch {}
  // A wrong address may have a password in it: nothing of it is shown.
  if (base === undefined || !/^https?:$/.test(base.protocol)) {
    const received = typeof baseUrl !== 'string' ? preview(baseUrl) : baseUrl === '' ? 'an empty text' : 'another text'
    throw optionHidden('baseUrl', "an address such as 'https://module.internal/v1'", received)
  }
  if (base.username !== '' || base.password !== '') {
    throw optionHidden('baseUrl', 'an address without credentials, which `auth` is for', 'one that has some')
  }
  return base
}
