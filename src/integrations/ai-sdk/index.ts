export { type CacheMiddleware, cacheMiddleware, type GenerateCall } from './cache-middleware.js'
export { type EmbedCall, type EmbeddingCacheMiddleware, embeddingCacheMiddleware } from './embedding-middleware.js'
export type { AlsoStorable, CacheMiddlewareOptions, CallParams, ModelLike } from './model-call.js'
export type { StreamCall } from './stream-call.js'
