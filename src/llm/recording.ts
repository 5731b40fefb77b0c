import { CONNECTION_HEADERS } from '../http/connection-headers.js'
import { isSecretName } from '../keys/secrets.js'
import { isObject } from './json-value.js'
import type { TokenUsage, Unstorable, Verdict, WireFormatName } from './wire-format.js'

/** An answer as it is kept: plain data, so that any store can keep it and people can read it. */
export interface Recording {
  readonly v: 1
  readonly status: number
  /** Those worth replaying, lower-case, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** The decoded body: text where its bytes are UTF-8, else the bytes. */
  readonly body: string | Uint8Array
  /** Of an event stream how it arrived: bytes of a chunk, ms before it, and so on. */
  readonly pace?: readonly number[]
  readonly format: WireFormatName
  readonly model?: string
  readonly usage?: TokenUsage
  /** Wall clock when it was complete, ms since the epoch: for people. */
  readonly at: number
  /** Why it is not kept; never set on one that is. */
  readonly unstorable?: Unstorable
  /** Digest of the credentials a failed call was made with, so that nobody else gets its failure. Never kept. */
  readonly by?: string
}

/** Parts of a recording that the answer itself does not tell. */
export interface RecordingSite {
  readonly format: WireFormatName
  readonly at: number
  readonly pace?: readonly number[] | undefined
  readonly by?: string
}

/** Makes a recording of a whole answer. */
export function recordingOf(
  answer: { readonly status: number; readonly headers: Headers; readonly body: string | Uint8Array },
  verdict: Verdict,
  site: RecordingSite,
): Recording {
  const { model, usage, unstorable } = verdict
  return {
    v: 1,
    status: answer.status,
    headers: replayableHeaders(answer.headers),
    body: answer.body,
    ...(site.pace !== undefined && { pace: site.pace }),
    format: site.format,
    ...(model !== undefined && { model }),
    ...(usage !== undefined && { usage }),
    at: site.at,
    ...(unstorable !== undefined && { unstorable }),
    ...(site.by !== undefined && { by: site.by }),
  }
}

/** Whether what a store gave back is a recording: a folder of them may have been edited by hand. */
export function isRecording(value: unknown): value is Recording {
  return (
    isObject(value) &&
    value.v === 1 &&
    typeof value.status === 'number' &&
    value.status >= 200 &&
    value.status <= 599 &&
    Array.isArray(value.headers) &&
    value.headers.every(isHeader) &&
    (typeof value.body === 'string' || value.body instanceof Uint8Array)
  )
}

function isHeader(header: unknown): boolean {
  return Array.isArray(header) && header.length === 2 && header.every((part) => typeof part === 'string')
}

/** The text of bytes, exactly, or the bytes themselves if they are no UTF-8. */
export function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return bytes
  }
}

/** The bytes of a recording's body. */
export function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === 'string' ? new TextEncoder().encode(body) : body
}

/** Of a connection, a transfer or an account, and not of the answer. */
const DROPPED = new Set<string>([
  ...CONNECTION_HEADERS,
  'content-encoding',
  'set-cookie',
  'set-cookie2',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'www-authenticate',
  'age',
  'alt-svc',
  'openai-organization',
  'openai-project',
  'anthropic-organization-id',
])
const RATE_LIMIT = /rate-?limit/

/** The headers another caller may see again. */
export function replayableHeaders(headers: Headers): [string, string][] {
  const hops = namedByConnection(headers)
  return [...headers].filter(([name]) => !isPrivate(name) && !hops.has(name))
}

/** Whether a header is of a connection or an account, or holds a secret. What `access-control-allow-credentials` has is a flag. */
function isPrivate(name: string): boolean {
  return DROPPED.has(name) || RATE_LIMIT.test(name) || (isSecretName(name) && !name.startsWith('access-control-'))
}

/** The headers for the caller whose own call it was: without those of a connection and an encoding that is undone. */
export function ownHeaders(headers: Headers): Headers {
  const own = new Headers(headers)
  for (const name of OF_TRANSFER) own.delete(name)
  for (const name of namedByConnection(headers)) own.delete(name)
  return own
}
const OF_TRANSFER = ['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'content-encoding']

function namedByConnection(headers: Headers): Set<string> {
  const names = headers.get('connection')?.toLowerCase().split(',') ?? []
  return new Set(names.map((name) => name.trim()))
}
