import type { JsonObject } from './json-value.js'

/** One embedding as it is kept. */
export interface EmbeddingRecord {
  readonly v: 1
  /** The item as it came, without its index. */
  readonly item: JsonObject
  /** What stood around the items, without them and the usage. */
  readonly envelope: JsonObject
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Prompt tokens: its own where it was asked for alone, else its share by length. Absent where the answer told none. */
  readonly tokens?: number
  readonly at: number
}

/** Whether what a store gave back is an embedding: a folder of them may have been edited by hand. */
export function isEmbeddingRecord(value: unknown): value is EmbeddingRecord {
  const record = value as EmbeddingRecord | null
  return typeof record === 'object' && record?.v === 1 && typeof record.item === 'object' && record.item !== null
}
