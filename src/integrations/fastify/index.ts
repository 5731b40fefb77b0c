export { cacheReply, type FastifyReplyLike, type FastifyRequestLike } from './cache-reply.js'
export { fastifyHandler } from './fastify-handler.js'
