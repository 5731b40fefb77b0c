export { cacheResponse, type ExpressRequest } from './cache-response.js'
export { expressHandler } from './express-handler.js'
