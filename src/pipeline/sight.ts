import type { HopReason, HopSource, HopStatus } from './words.js'

/** How the needs of a hop came to their values, by name. */
export interface Sight<Name extends string = string> {
  readonly status: Readonly<Record<Name, HopStatus>>
  readonly source: Readonly<Record<Name, HopSource | null>>
  readonly reason: Readonly<Record<Name, HopReason | null>>
}

interface Seen {
  readonly name: string
  readonly status: HopStatus
  readonly source: HopSource | null
  readonly reason: HopReason | null
}

/** A {@link Sight} of `hops` that is worked out only where it is looked at. */
export class LazySight implements Sight {
  readonly #hops: readonly Seen[]

  constructor(hops: readonly Seen[]) {
    this.#hops = hops
  }

  get status(): Readonly<Record<string, HopStatus>> {
    return Object.fromEntries(this.#hops.map((hop) => [hop.name, hop.status]))
  }

  get source(): Readonly<Record<string, HopSource | null>> {
    return Object.fromEntries(this.#hops.map((hop) => [hop.name, hop.source]))
  }

  get reason(): Readonly<Record<string, HopReason | null>> {
    return Object.fromEntries(this.#hops.map((hop) => [hop.name, hop.reason]))
  }
}
