import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { optionInvalid } from '../errors/option-error.js'
import { peerMissing } from '../errors/peer-error.js'

/** Headers of a response as undici gives them: names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** The part of undici 7 the pool uses. */
export interface Undici {
  readonly Agent: new (options: object) => UndiciAgent
  readonly buildConnector: (options: object) => Connector
}

/** One agent: the connections of all origins. */
export interface UndiciAgent {
  dispatch(options: DispatchOptions, handler: DispatchHandler): boolean
  close(): Promise<void>
  destroy(error?: Error): Promise<void>
}

/** What is sent. */
export interface DispatchOptions {
  readonly origin: string
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
  readonly headersTimeout: number
  readonly bodyTimeout: number
}

/** A request under way. */
export interface DispatchController {
  abort(reason: Error): void
  pause(): void
  resume(): void
}

/** Is told of a request. */
export interface DispatchHandler {
  onRequestStart(controller: DispatchController): void
  onResponseStart(controller: DispatchController, status: number, headers: ResponseHeaders): void
  onResponseData(controller: DispatchController, chunk: Uint8Array): void
  onResponseEnd(): void
  onResponseError(controller: DispatchController | null, error: Error): void
}

/** Where a connection goes. */
export interface ConnectTarget {
  readonly protocol: string
  readonly host: string
}

/** Opens connections. */
export type Connector = (target: ConnectTarget, done: (error: Error | null, socket?: Socket | null) => void) => unknown

/**
 * Loads undici when the first pool is made, so that nobody else needs it. A function of our own instead of `import()`:
 * what is missing must be told where the pool is made, which cannot wait.
 *
 * @throws PeerError `ERR_PEER_MISSING`
 */
export function loadUndici(load: (name: string) => unknown = createRequire(ownFile())): Undici {
  let loaded: Partial<Undici>
  try {
    loaded = load('undici') as Partial<Undici>
  } catch (error) {
    throw peerMissing('undici@7', 'A connection pool', error)
  }
  if (typeof loaded.Agent === 'function' && typeof loaded.buildConnector === 'function') return loaded as Undici
  throw optionInvalid('undici', 'version 7', loaded, 'Run: npm install undici@7')
}

// The CommonJS build has no `import.meta`.
function ownFile(): string {
  return typeof __filename === 'string' ? __filename : import.meta.url
}
