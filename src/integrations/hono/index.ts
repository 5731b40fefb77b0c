export { cacheRoute } from './cache-route.js'
export type { HonoContextLike } from './hono-route.js'
