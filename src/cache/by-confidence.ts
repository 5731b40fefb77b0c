import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { requireObject } from './argument-checks.js'

/** How a confidence becomes a lifetime. */
export interface ConfidenceOptions {
  /** Lifetime at the floor. */
  readonly min: Duration
  /** Lifetime at confidence 1. */
  readonly max: Duration
  /** Below it nothing is stored. @defaultValue `0` */
  readonly floor?: number
}

/**
 * Returns a `ttl` that grows with how sure an answer is of itself: `min` at the floor, `max` at 1, in a straight line.
 *
 * Below the floor, and for a confidence that is no number, nothing is stored.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 * @example
 * import { byConfidence } from 'hopstash'
 * const ttl = byConfidence((answer: { confidence: number }) => answer.confidence, { min: '5m', max: '24h', floor: 0.4 })
 * ttl({ confidence: 1 }) // => 86400000
 * ttl({ confidence: 0.3 }) // => 0
 */
export function byConfidence<V>(pick: (value: V) => number, options: ConfidenceOptions): (value: V) => number {
  if (typeof pick !== 'function') throw optionInvalid('pick', 'a function of the value', pick)
  requireObject(options, 'options', 'an object with `min` and `max`')
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.includes(name)) throw optionUnknown('byConfidence()', name, OPTION_NAMES)
  }
  const minMs = parseDuration(options.min, 'byConfidence.min')
  const maxMs = parseDuration(options.max, 'byConfidence.max')
  const { floor = 0 } = options
  if (!(typeof floor === 'number' && floor >= 0 && floor < 1))
    throw optionInvalid('byConfidence.floor', 'a number from 0 to below 1', floor)
  if (minMs > maxMs) throw optionInvalid('byConfidence.min', 'at most max', options.min)
  return (value) => {
    const confidence: unknown = pick(value)
    if (!(typeof confidence === 'number' && confidence >= floor)) return 0
    if (maxMs === Infinity) return confidence >= 1 ? Infinity : minMs
    const share = (Math.min(confidence, 1) - floor) / (1 - floor)
    return Math.round(minMs + (maxMs - minMs) * share)
  }
}

const OPTION_NAMES = ['min', 'max', 'floor']
