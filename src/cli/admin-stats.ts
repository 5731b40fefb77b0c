import type { StatsDocument } from '../observe/stats-json.js'
import type { Call } from './command.js'
import { Failure, UsageError } from './failure.js'

/** What the admin handler of one process tells. */
export interface AdminStats {
  /** Without user, password and query. */
  readonly url: string
  readonly caches: StatsDocument['caches']
  /** Absent in what an older handler tells. */
  readonly totals?: StatsDocument['totals'] | undefined
}

const TIMEOUT_MS = 10_000
const MOST_BYTES = 4 * 1024 * 1024
const LOCAL = /^(localhost|127(\.\d+){3}|\[::1\])$/i

/**
 * Asks an admin handler for its statistics.
 *
 * @throws {UsageError} for what is no http URL, or no token
 * @throws {Failure} if it does not answer, or not with statistics
 */
export async function readAdminStats({ io, values, clock }: Call, text: string): Promise<AdminStats> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new UsageError('Expected --url to be an http:// or https:// URL.')
  const token = values.token ?? io.env.HOPSTASH_TOKEN
  const headers = headersWith(token)
  if (token !== undefined && url.protocol === 'http:' && !LOCAL.test(url.hostname))
    io.err(`The token goes to ${url.host} unencrypted: use https:// outside of a private network.\n`)
  const shownUrl = `${url.origin}${url.pathname}`
  url.username = ''
  url.password = ''
  url.search = ''
  // The handler looks at the end of the path alone.
  url.pathname = `${url.pathname.replace(/\/(stats)?$/, '')}/stats`
  const controller = new AbortController()
  const timer = clock.setTimer(() => controller.abort(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS)
  try {
    const signal = AbortSignal.any([controller.signal, io.signal])
    // A token must not follow where somebody else points.
    const response = await fetch(url, { headers, signal, redirect: 'error' })
    if (!response.ok) throw new Failure(refusal(response.status, shownUrl))
    return { url: shownUrl, ...statsIn(await textOf(response), shownUrl) }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`${shownUrl} does not answer: ${reasonOf(error)}.`)
  } finally {
    clock.clearTimer(timer)
  }
}

// What `Headers` says of a token it does not take holds the token.
function headersWith(token: string | undefined): Headers {
  try {
    return new Headers({ accept: 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) })
  } catch {
    throw new UsageError('Expected the token to be one line, of characters that a header can hold.')
  }
}

async function textOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > MOST_BYTES) throw new Error('too long an answer')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function refusal(status: number, url: string): string {
  if (status === 401) return `${url} wants another token: give --token, or set HOPSTASH_TOKEN.`
  if (status === 404) return `${url}/stats is not there: is this where the admin handler is mounted?`
  return `${url} answered ${status}.`
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } }
  return cause?.code ?? cause?.message ?? message
}

function statsIn(text: string, url: string): Pick<AdminStats, 'caches' | 'totals'> {
  const { caches, totals } = documentIn(text) ?? {}
  const isStats =
    typeof caches === 'object' &&
    caches !== null &&
    Object.values(caches).every((cache) => typeof cache?.hits === 'number' && typeof cache.hit_rate === 'string')
  if (!isStats) throw new Failure(`${url} answered something else than statistics.`)
  return { caches, totals: typeof totals?.max_bytes === 'number' ? totals : undefined }
}

function documentIn(text: string): Partial<StatsDocument> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
