export type { StandardResult, StandardSchema } from '../runtime/standard-schema.js'
