/**
 * Something on its way into memory for a key: a load, a read of the store, a set. A later write, delete or message voids
 * it, so that what arrives late does not undo what came before.
 */
export interface Fill {
  readonly kind: 'load' | 'read' | 'set'
  /** The order of beginnings in this process. */
  readonly order: number
  void: boolean
  /** Where nothing but the news of one written entry voided it: that entry's id. */
  voidedBy: string | undefined
}

/** The fills under way in one namespace, by key id. */
export class Fills {
  readonly #byId = new Map<string, Set<Fill>>()
  #order = 0

  get size(): number {
    return this.#byId.size
  }

  begin<T extends object>(id: string, kind: Fill['kind'], rest: T): Fill & T {
    const fill = Object.assign(rest, { kind, order: ++this.#order, void: false, voidedBy: undefined })
    const present = this.#byId.get(id)
    if (present === undefined) this.#byId.set(id, new Set([fill]))
    else present.add(fill)
    return fill
  }

  end(id: string, fill: Fill): void {
    const present = this.#byId.get(id)
    if (present === undefined) return
    present.delete(fill)
    if (present.size === 0) this.#byId.delete(id)
  }

  /** Guards `voidMsg`, `setVoid`, `ownSets`: everything under way for a key, but one. */
  void(id: string, but?: Fill, written?: string): void {
    for (const fill of this.#byId.get(id) ?? []) if (fill !== but) voided(fill, written)
  }

  /** Guard `overtake`: an answered flight voids flights begun before it, and sets in flight. */
  overtake(id: string, by: Fill): void {
    for (const fill of this.#byId.get(id) ?? []) {
      if (fill !== by && (fill.kind === 'set' || fill.order < by.order)) voided(fill)
    }
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  voidAll(): void {
    for (const fills of this.#byId.values()) for (const fill of fills) voided(fill)
  }
}

function voided(fill: Fill, written?: string): void {
  fill.voidedBy = fill.void ? undefined : written
  fill.void = true
}
