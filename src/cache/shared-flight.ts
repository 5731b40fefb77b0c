import type { KeyRef } from '../stores/shared-store.js'
import type { Coherence } from './cells.js'
import type { Fill } from './fills.js'

/** What a flight through the shared store remembers between its round trips. */
export class SharedFlight {
  readonly ref: KeyRef
  readonly fill: Fill
  /** Guard `epochStart`: a value belongs to the epoch its flight began in. */
  readonly epoch: number
  /** The process's own sequence number when it began. */
  readonly bornAt: number
  readonly generation: number
  /** The stamp of the read before the load; `undefined` if the store did not answer. */
  stamp: { readonly inc: string; readonly seq: number } | undefined = undefined
  token: string | undefined = undefined
  /** Id of the entry that was read, valid or not; `undefined` if there was none. */
  seenId: string | undefined = undefined
  /** Its load ended without a value that others could have. */
  fruitless = false
  /** News of its key does not reach it any more. */
  over = false
  /** The nonce of what is being written. */
  id: string | undefined = undefined

  constructor(ref: KeyRef, fill: Fill, epoch: number, { seq, generation }: Coherence) {
    this.ref = ref
    this.fill = fill
    this.epoch = epoch
    this.bornAt = seq
    this.generation = generation
  }
}
