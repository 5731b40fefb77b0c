export type { AdminHandler } from './handler.js'
export { ADMIN_CHANNEL, adminHandler } from './handler.js'
export { nodeHandler } from './node.js'
export type {
  AdminAction,
  AdminOptions,
  AdminPipeline,
  AdminPool,
  AdminStash,
  AuditEvent,
  ProviderState,
} from './options.js'
export { adminSchemas } from './schemas.js'
