import type { ReadOptions } from './call-options.js'
import type { Loader } from './loader.js'

/** What a load is for. */
export interface LoadRequest {
  readonly id: string
  /** The key as the caller gave it, for functions of the namespace that look at it. */
  readonly input: unknown
  readonly loader: Loader<unknown>
  readonly options: ReadOptions | undefined
  /** Keep the value so long after its ttl for `Records.stale`; a failed load still reaches its caller. */
  readonly keepStaleForMs?: number | undefined
  /** Whether the loaded value may be kept, where the call itself says so. */
  readonly cacheable?: ((value: unknown) => boolean) | undefined
  /** The request as text for people, for stores that keep it beside the entry. */
  readonly describe?: (() => string) | undefined
}
