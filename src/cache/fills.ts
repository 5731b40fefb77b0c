import { TurnoverMap } from './turnover-map.js'

/**
 * Something on its way into memory for a key: a load, a read of the store, a set. A later write, delete or message voids
 * it, so that what arrives late does not undo what came before.
 */
export class Fill {
  readonly kind: 'load' | 'read' | 'set'
  /** The order of beginnings in this process. */
  readonly order: number
  void = false
  /** Where nothing but the news of one written entry voided it: that entry's id. */
  voidedBy: string | undefined = undefined

  constructor(kind: Fill['kind'], order: number) {
    this.kind = kind
    this.order = order
  }
}

/** The fills under way in one namespace, by key id. */
export class Fills {
  /** One alone is most often all there is. */
  readonly #byId = new TurnoverMap<Fill | Set<Fill>>()
  #order = 0

  get size(): number {
    return this.#byId.size
  }

  begin(id: string, kind: Fill['kind']): Fill {
    const fill = new Fill(kind, ++this.#order)
    const present = this.#byId.get(id)
    if (present === undefined) this.#byId.set(id, fill)
    else if (present instanceof Set) present.add(fill)
    else this.#byId.set(id, new Set([present, fill]))
    return fill
  }

  end(id: string, fill: Fill): void {
    const present = this.#byId.get(id)
    if (present === fill) this.#byId.delete(id)
    else if (present instanceof Set && present.delete(fill) && present.size === 0) this.#byId.delete(id)
  }

  /** Guards `voidMsg`, `setVoid`, `ownSets`: everything under way for a key, but one. */
  void(id: string, but?: Fill, written?: string): void {
    for (const fill of this.#of(id)) if (fill !== but) voided(fill, written)
  }

  /** Guard `overtake`: an answered flight voids flights begun before it, and sets in flight. */
  overtake(id: string, by: Fill): void {
    const present = this.#byId.get(id)
    if (present === by) return
    for (const fill of this.#of(id)) {
      if (fill !== by && (fill.kind === 'set' || fill.order < by.order)) voided(fill)
    }
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  voidAll(): void {
    for (const id of this.#byId.keys()) for (const fill of this.#of(id)) voided(fill)
  }

  #of(id: string): Iterable<Fill> {
    const present = this.#byId.get(id)
    return present === undefined ? [] : present instanceof Set ? present : [present]
  }
}

function voided(fill: Fill, written?: string): void {
  fill.voidedBy = fill.void ? undefined : written
  fill.void = true
}
