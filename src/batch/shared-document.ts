import { optionInvalid } from '../errors/option-error.js'
import { applyEdits, type DocumentEdit } from './document-edit.js'
import { isWithin, overlaps, pointerOf } from './json-pointer.js'

type Place = readonly string[]

/** Edits of an item on their way into the document. */
export interface Proposal {
  readonly edits: readonly DocumentEdit[]
  readonly touched: readonly Place[]
  /** How many edits had taken effect when the item began. */
  readonly version: number
}

/** Where two items met. */
export interface Overlap {
  readonly paths: readonly string[]
  readonly with: readonly string[]
}

/** A document that several items edit, and who changed what in which order. */
export class SharedDocument {
  #document: unknown
  readonly #commits: { readonly id: string; readonly touched: readonly Place[] }[] = []

  /** @throws OptionError `ERR_OPTION_INVALID` for what is no plain data. */
  constructor(document: unknown) {
    try {
      this.#document = frozen(structuredClone(document))
    } catch {
      throw optionInvalid('document', 'plain data', document)
    }
  }

  get value(): unknown {
    return this.#document
  }

  get version(): number {
    return this.#commits.length
  }

  /** What edits of a document as it was would change. @throws BatchError `ERR_EDIT_INVALID` */
  propose(before: unknown, edits: readonly DocumentEdit[], version: number): Proposal {
    return { edits, touched: applyEdits(before, edits).touched, version }
  }

  /** Whether an item changed only what it had said. */
  keepsTo(proposal: Proposal, declared: readonly Place[] | undefined): boolean {
    if (proposal.touched.length === 0) return true
    if (declared === undefined) return false
    return proposal.touched.every((place) => declared.some((outer) => isWithin(place, outer)))
  }

  /** Edits that took effect after the item began and that it did not see. */
  conflictOf(proposal: Proposal, declared: readonly Place[] | undefined): Overlap | undefined {
    const own = [...proposal.touched, ...(declared ?? [])]
    const paths = new Set<string>()
    const ids = new Set<string>()
    for (const { id, touched } of this.#commits.slice(proposal.version)) {
      for (const place of touched) {
        if (!own.some((mine) => overlaps(mine, place))) continue
        paths.add(pointerOf(place))
        ids.add(id)
      }
    }
    return ids.size === 0 ? undefined : { paths: [...paths], with: [...ids] }
  }

  /** @throws BatchError `ERR_EDIT_INVALID`; then nothing has changed. */
  commit(id: string, edits: readonly DocumentEdit[]): void {
    const own = edits.map((edit) => (edit.remove === true ? edit : { ...edit, value: structuredClone(edit.value) }))
    const { document, touched } = applyEdits(this.#document, own)
    this.#document = frozen(document)
    this.#commits.push({ id, touched })
  }
}

/** Freezes what is not frozen yet; what edits left alone is. */
function frozen<V>(value: V): V {
  const stack: unknown[] = [value]
  for (let next = stack.pop(); stack.length > 0 || next !== undefined; next = stack.pop()) {
    if (typeof next !== 'object' || next === null || Object.isFrozen(next) || ArrayBuffer.isView(next)) continue
    Object.freeze(next)
    stack.push(...Object.values(next).filter((inner) => typeof inner === 'object' && inner !== null))
  }
  return value
}
