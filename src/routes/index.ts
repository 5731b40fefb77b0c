export { cachedHandler, type Handler } from './cached-handler.js'
export type { FetchHandler, NodeRequest } from './node-bridge.js'
export type { RouteOptions, RouteRequest } from './route-options.js'
