import type { Clock } from '../runtime/clock.js'
import type { RedisPlace } from './redis-place.js'

/** What the examinations of one Redis work on. */
export interface RedisPatient extends RedisPlace {
  readonly clock: Clock
}
