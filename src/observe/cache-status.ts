export { type CacheStatusOptions, cacheStatus } from '../cache/cache-status.js'
