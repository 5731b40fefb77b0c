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
  readonly #needs: readonly number[] | undefined

  /** @param needs Which of `hops`; all of them without it. */
  constructor(hops: readonly Seen[], needs?: readonly number[]) {
    this.#hops = hops
    this.#needs = needs
  }

  get status(): Readonly<Record<string, HopStatus>> {
    return this.#pick((hop) => hop.status)
  }

  get source(): Readonly<Record<string, HopSource | null>> {
    return this.#pick((hop) => hop.source)
  }

  get reason(): Readonly<Record<string, HopReason | null>> {
    return this.#pick((hop) => hop.reason)
  }

  #pick<Part>(part: (hop: Seen) => Part): Readonly<Record<string, Part>> {
    const seen = this.#needs?.map((index) => this.#hops[index] as Seen) ?? this.#hops
    return Object.fromEntries(seen.map((hop) => [hop.name, part(hop)]))
  }
}
