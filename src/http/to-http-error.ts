import { type HttpPhase, httpAnswer, httpConnection, httpTimeout, poolClosed } from '../errors/http-error.js'
import { optionInvalid } from '../errors/option-error.js'
import { TooLong } from './exchange.js'

const PHASES: Readonly<Record<string, HttpPhase>> = {
  UND_ERR_CONNECT_TIMEOUT: 'connect',
  UND_ERR_HEADERS_TIMEOUT: 'headers',
  UND_ERR_BODY_TIMEOUT: 'body',
}

/** The error a caller meets for what undici, or the system below it, reported. */
export function toHttpError(provider: string, method: string, error: unknown): Error {
  if (error instanceof TooLong) return httpAnswer(provider, method, error.status, 'is longer than `maxAnswerBytes`')
  const code = String((error as { readonly code?: unknown } | undefined)?.code ?? '')
  const phase = Object.hasOwn(PHASES, code) ? PHASES[code] : undefined
  if (phase !== undefined) return httpTimeout(provider, method, phase, error)
  if (code === 'UND_ERR_CLOSED' || code === 'UND_ERR_DESTROYED') return poolClosed(provider)
  if (code === 'UND_ERR_INVALID_ARG') {
    return optionInvalid('call', 'one that can be sent', undefined, (error as Error).message)
  }
  return httpConnection(provider, method, error)
}
