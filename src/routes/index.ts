export { cachedHandler, type Handler } from './cached-handler.js'
export { cachedRoute, type RouteMiddleware } from './cached-route.js'
export type { FetchHandler, NodeRequest } from './node-bridge.js'
export type { RouteOptions, RouteRequest } from './route-options.js'
