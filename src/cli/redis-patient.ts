import type { Connection } from '../redis/connection.js'
import type { ResolvedSource } from '../redis/redis-source.js'
import type { StoreKeys } from '../redis/store-keys.js'
import type { Clock } from '../runtime/clock.js'

/** What the examinations of one Redis work on. */
export interface RedisPatient {
  readonly source: ResolvedSource
  readonly connection: Connection
  readonly keys: StoreKeys
  readonly clock: Clock
}
