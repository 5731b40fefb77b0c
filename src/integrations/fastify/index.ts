export { cacheRoute, type FastifyReplyLike, type FastifyRequestLike } from './cache-route.js'
export { fastifyHandler } from './fastify-handler.js'
