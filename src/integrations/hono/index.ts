export { cacheRoute, type HonoContextLike } from './cache-route.js'
