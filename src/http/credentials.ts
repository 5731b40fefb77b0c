import { httpCredentials } from '../errors/http-error.js'
import { optionHidden, optionInvalid } from '../errors/option-error.js'
import { checkShape } from '../resilience/option-shape.js'
import type { Clock } from '../runtime/clock.js'
import { isHeaderName, isHeaderValue } from './request-headers.js'

/** What an auth function is called with; `refresh` after what it gave was refused with 401. */
export interface AuthRequest {
  readonly refresh: boolean
}

/** A token, or a function that gets one. Asked once, its answer is kept until the upstream refuses it with 401. */
export type AuthSource = string | ((request: AuthRequest) => string | undefined | PromiseLike<string | undefined>)

/** Credentials of a module: a bearer token, or the value of another header. */
export type ModuleAuth = AuthSource | { readonly header: string; readonly value: AuthSource }

/** The credentials of one module, shared by all its calls. */
export interface Credentials {
  /** Whether there are any; a function is believed to have some until it has been asked. */
  readonly configured: boolean
  /** @throws HttpError `ERR_HTTP_CREDENTIALS` (as a rejection, where they have to be waited for) */
  current(): string | undefined | Promise<string | undefined>
  /** New ones after `refused` was refused; `undefined`: there are no others. Asked for once, whoever calls. */
  renewed(refused: string | undefined): Promise<string | undefined>
  readonly header: string
  /** The value of the header for `secret`. */
  valueOf(secret: string): string
}

/** What an upstream refused though it was fresh is not asked for again for so long. */
const RENEW_EVERY_MS = 1000
/** Whoever has not answered for so long is asked again. */
export const PATIENCE_MS = 30_000

/** Checks `auth` and returns what its calls share. @throws OptionError */
export function createCredentials(provider: string, auth: ModuleAuth | undefined, clock: Clock): Credentials {
  if (auth === undefined) return NONE
  const { source, ...form } = resolveAuth(auth)
  if (typeof source === 'string') {
    const secret = source.trim()
    if (secret === '') throw optionInvalid('auth', 'a token that is not empty', source)
    if (!isHeaderValue(secret)) throw optionHidden('auth', 'a token that a header can hold', 'another text')
    return { configured: true, current: () => secret, renewed: async () => undefined, ...form }
  }
  return sharedSecret(provider, source, form, clock)
}

type Asked = Extract<AuthSource, (...args: never) => unknown>

type Form = Pick<Credentials, 'header' | 'valueOf'>

function sharedSecret(provider: string, ask: Asked, form: Form, clock: Clock): Credentials {
  let secret: string | undefined
  let configured = true
  let pending: Promise<string> | undefined
  let pendingSince = 0
  let renewedAt = -Infinity

  const askFor = (refresh: boolean): Promise<string> => {
    pendingSince = clock.now()
    const own: Promise<string> = request(provider, ask, refresh)
      .then(
        (given) => {
          configured = true
          secret = given
          return given
        },
        (error) => {
          if ((error as Error).cause === undefined) configured = false
          throw error
        },
      )
      .finally(() => {
        if (pending === own) pending = undefined
      })
    pending = own
    return own
  }
  const waited = (refresh: boolean): Promise<string> =>
    pending !== undefined && clock.now() - pendingSince < PATIENCE_MS ? pending : askFor(refresh)

  return {
    ...form,
    get configured() {
      return configured
    },
    current: () => secret ?? waited(false),
    async renewed(refused) {
      if (secret !== refused) return secret ?? waited(true)
      const now = clock.now()
      if (pending === undefined && now - renewedAt < RENEW_EVERY_MS) return undefined
      renewedAt = now
      const next = await waited(true)
      return next === refused ? undefined : next
    },
  }
}

async function request(provider: string, ask: Asked, refresh: boolean): Promise<string> {
  let given: unknown
  try {
    given = await ask({ refresh })
  } catch (error) {
    throw httpCredentials(provider, error ?? new Error('Nothing was thrown'))
  }
  // Files and variables end in a line break more often than not.
  const secret = typeof given === 'string' ? given.trim() : ''
  if (secret === '' || !isHeaderValue(secret)) throw httpCredentials(provider)
  return secret
}

function resolveAuth(auth: ModuleAuth): Form & { readonly source: AuthSource } {
  if (typeof auth === 'string' || typeof auth === 'function') {
    return { header: 'authorization', source: auth, valueOf: (secret) => `Bearer ${secret}` }
  }
  checkShape('auth', auth, ['header', 'value'])
  const { header, value } = auth
  if (typeof header !== 'string' || !/^[A-Za-z0-9-]{1,64}$/.test(header) || !isHeaderName(header.toLowerCase())) {
    throw optionInvalid('auth.header', "the name of a header, such as 'x-api-key'", header)
  }
  if (typeof value !== 'string' && typeof value !== 'function') {
    throw optionInvalid('auth.value', 'a text, or a function that gets one', value)
  }
  return { header: header.toLowerCase(), source: value, valueOf: (secret) => secret }
}

const NONE: Credentials = Object.freeze({
  configured: true,
  current: () => undefined,
  renewed: async () => undefined,
  header: '',
  valueOf: (secret: string) => secret,
})
