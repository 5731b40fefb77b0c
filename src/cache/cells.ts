import { isSubjectTag } from '../stores/subject.js'

/** Highest known invalidation of one tag in one namespace. Entries point at it; it lives while somebody does. */
export class Cell {
  readonly tag: string
  /** This process's sequence number of its last hard invalidation. */
  hard: number
  /** The same of the last soft one (`mode: 'expire'`), and when this process learnt of it. */
  soft = 0
  softAt = 0
  /** Highest sequence numbers of the shared store's markers of this tag, in the incarnation that is known. */
  storeHard = 0
  storeSoft = 0
  /** Entries that point here. */
  refs = 0
  /** The list of this cell alone, shared by all entries that have one tag. */
  readonly alone: readonly Cell[] = Object.freeze([this])

  constructor(tag: string, hard: number) {
    this.tag = tag
    this.hard = hard
  }
}

/** State all namespaces of a stash share about what is still valid. */
export interface Coherence {
  /** Moves on with every invalidation: an entry found valid in this generation needs no second look. */
  generation: number
  /** The logical clock: no decision compares wall clocks. */
  seq: number
}

/** How an invalidation treats what it hits: `delete` leaves nothing to serve, `expire` keeps it for stale fallback. */
export type InvalidationMode = 'delete' | 'expire'

const MAX_LOOSE = 10_000
const NO_CELLS: readonly Cell[] = Object.freeze([])

/**
 * The invalidation state of one namespace: its own marker and a cell a tag.
 *
 * A cell exists while an entry points at it, or while a load is in flight that began before its last invalidation and
 * may turn out to carry the tag. Beyond 10,000 of the latter the oldest are forgotten and `floor` says so: what began
 * before it counts as invalidated.
 */
export class Cells {
  /** Loads in flight: while there are none, an invalidated tag that nobody carries need not be remembered. */
  inFlight = 0
  /** The same for the namespace as a whole, as the shared store tells it. */
  storeHard = 0
  storeSoft = 0
  #floor = 0
  #storeFloor = 0
  #byTag = new Map<string, Cell>()
  #loose = new Set<Cell>()
  /** Which entries are about a subject, and how often they are held: while one replaces another, twice. */
  #members = new Map<Cell, Map<string, number>>()

  get size(): number {
    return this.#byTag.size
  }

  /** The cell of a tag, made if need be. */
  of(tag: string): Cell {
    let cell = this.#byTag.get(tag)
    if (cell === undefined) {
      cell = new Cell(tag, this.#floor)
      cell.storeHard = this.#storeFloor
      this.#byTag.set(tag, cell)
      this.#loose.add(cell)
    }
    return cell
  }

  /** The cells of a list of tags, each once. */
  ofAll(tags: readonly string[]): readonly Cell[] {
    if (tags.length === 0) return NO_CELLS
    if (tags.length === 1) return this.of(tags[0] as string).alone
    return [...new Set(tags)].map((tag) => this.of(tag))
  }

  /** Marks a tag as invalidated at `seq`. */
  invalidate(tag: string, seq: number, mode: InvalidationMode, now: number): void {
    if (!this.#byTag.has(tag) && this.inFlight === 0) return
    const cell = this.of(tag)
    if (mode === 'delete') cell.hard = Math.max(cell.hard, seq)
    else {
      cell.soft = Math.max(cell.soft, seq)
      cell.softAt = now
    }
    if (this.#loose.size > MAX_LOOSE) this.#forgetOldest()
  }

  /**
   * Takes a marker of the shared store. Guard `cells`: while a load is in flight every marker heard of is kept, so that
   * a message cannot overtake the reply that brings a value of its tag. Tells whether it was news.
   */
  learn(tag: string, seq: number, mode: InvalidationMode, now: number): boolean {
    if (!this.#byTag.has(tag) && this.inFlight === 0) return false
    const cell = this.of(tag)
    if (seq <= (mode === 'delete' ? cell.storeHard : cell.storeSoft)) return false
    if (mode === 'delete') cell.storeHard = seq
    else {
      cell.storeSoft = seq
      cell.softAt = now
    }
    if (this.#loose.size > MAX_LOOSE) this.#forgetOldest()
    return true
  }

  /** The same for the namespace as a whole. */
  learnOfAll(hard: number, soft: number): boolean {
    if (hard <= this.storeHard && soft <= this.storeSoft) return false
    this.storeHard = Math.max(this.storeHard, hard)
    this.storeSoft = Math.max(this.storeSoft, soft)
    return true
  }

  /** Another incarnation of the store: its sequence numbers start anew. */
  forgetStore(): void {
    this.storeHard = 0
    this.storeSoft = 0
    this.#storeFloor = 0
    for (const cell of this.#byTag.values()) {
      cell.storeHard = 0
      cell.storeSoft = 0
    }
  }

  /**
   * Forgets all tags at once, however many: every entry of the namespace is gone, and whatever is on its way was voided.
   * What began before `seq` counts as invalidated all the same.
   */
  reset(seq: number): void {
    this.#byTag = new Map()
    this.#loose = new Set()
    this.#members = new Map()
    this.#floor = seq
  }

  /** The entry of key `id` points at these cells from now on. */
  retain(cells: readonly Cell[], id: string): void {
    for (const cell of cells) {
      cell.refs++
      this.#loose.delete(cell)
      if (isSubjectTag(cell.tag)) this.#count(cell, id, 1)
    }
  }

  /** It does so no more. */
  release(cells: readonly Cell[], id: string): void {
    for (const cell of cells) {
      cell.refs--
      if (isSubjectTag(cell.tag)) this.#count(cell, id, -1)
      if (cell.refs > 0 || this.#byTag.get(cell.tag) !== cell) continue
      if (this.inFlight === 0) this.#byTag.delete(cell.tag)
      else this.#loose.add(cell)
    }
  }

  /** The ids of the entries about a subject. Only tags of subjects have members. */
  membersOf(tag: string): readonly string[] {
    const cell = this.#byTag.get(tag)
    const members = cell === undefined ? undefined : this.#members.get(cell)
    return members === undefined ? [] : [...members.keys()]
  }

  loadBegins(): void {
    this.inFlight++
  }

  loadEnds(): void {
    this.inFlight--
    if (this.inFlight > 0 || this.#loose.size === 0) return
    for (const cell of this.#loose) this.#byTag.delete(cell.tag)
    this.#loose.clear()
  }

  #count(cell: Cell, id: string, by: 1 | -1): void {
    const members = this.#members.get(cell) ?? new Map<string, number>()
    const held = (members.get(id) ?? 0) + by
    if (held > 0) members.set(id, held)
    else members.delete(id)
    if (members.size > 0) this.#members.set(cell, members)
    else this.#members.delete(cell)
  }

  #forgetOldest(): void {
    for (const cell of this.#loose) {
      this.#floor = Math.max(this.#floor, cell.hard, cell.soft)
      this.#storeFloor = Math.max(this.#storeFloor, cell.storeHard, cell.storeSoft)
      this.#loose.delete(cell)
      this.#byTag.delete(cell.tag)
      return
    }
  }
}

/** Whether a value whose load began at `startSeq` was invalidated since, hard or soft, by one of its cells. */
export function outranked(cells: readonly Cell[], startSeq: number): boolean {
  for (const cell of cells) if (cell.hard > startSeq || cell.soft > startSeq) return true
  return false
}

/** The tags a caller gave: whose data an entry is, is nobody's business. */
export function visibleTags(cells: readonly Cell[]): readonly string[] {
  return cells.map((cell) => cell.tag).filter((tag) => !isSubjectTag(tag))
}
