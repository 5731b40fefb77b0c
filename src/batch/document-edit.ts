import { editInvalid } from '../errors/batch-error.js'
import { pointerOf, stepsOf } from './json-pointer.js'

/** A change at one place of a document. */
export type DocumentEdit =
  /** Sets what is at a JSON Pointer; `-` as the last step, or the length of a list, appends to a list. */
  | { readonly path: string; readonly value: unknown; readonly remove?: undefined }
  /** Takes out what is there. */
  | { readonly path: string; readonly remove: true; readonly value?: undefined }

/** A document with edits made, and the places that changed. */
export interface EditedDocument {
  readonly document: unknown
  readonly touched: readonly (readonly string[])[]
}

type Container = unknown[] | Record<string, unknown>

/**
 * Makes edits in a copy; shares with the original what they leave alone.
 *
 * @throws {BatchError} `ERR_EDIT_INVALID` for a path that leads to nothing.
 */
export function applyEdits(document: unknown, edits: readonly DocumentEdit[]): EditedDocument {
  if (!Array.isArray(edits)) throw editInvalid('', 'expected a list of edits')
  let edited = document
  const touched: (readonly string[])[] = []
  for (const edit of edits) {
    const steps = stepsOf(edit?.path)
    touched.push(placeOf(edited, steps, edit.remove === true))
    edited = change(edited, steps, 0, edit)
  }
  return { document: edited, touched }
}

/**
 * The edits that turn one document into another: objects member by member, lists of one length element by element, a list
 * whose length changed as a whole.
 *
 * @example
 * import { editsBetween } from 'hopstash/batch'
 * editsBetween({ name: 'A', work: [1, 2] }, { name: 'B', work: [1, 2] }) // => [{ path: '/name', value: 'B' }]
 */
export function editsBetween(before: unknown, after: unknown): DocumentEdit[] {
  const edits: DocumentEdit[] = []
  collect(before, after, [], edits)
  return edits
}

function collect(before: unknown, after: unknown, at: readonly (string | number)[], edits: DocumentEdit[]): void {
  if (Object.is(before, after)) return
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    for (const [place, value] of after.entries()) collect(before[place], value, [...at, place], edits)
    return
  }
  if (!isRecord(before) || !isRecord(after)) {
    edits.push({ path: pointerOf(at), value: after })
    return
  }
  for (const name of Object.keys(before)) {
    if (!Object.hasOwn(after, name)) edits.push({ path: pointerOf([...at, name]), remove: true })
  }
  for (const [name, value] of Object.entries(after)) {
    collect(Object.hasOwn(before, name) ? before[name] : undefined, value, [...at, name], edits)
  }
}

/** Taking an element out of a list moves those behind it: then the whole list changes. An appended one is where it lands. */
function placeOf(document: unknown, steps: readonly string[], removes: boolean): readonly string[] {
  let parent = document
  for (const step of steps.slice(0, -1)) parent = (parent as Record<string, unknown> | null | undefined)?.[step]
  if (!Array.isArray(parent)) return steps
  if (removes) return steps.slice(0, -1)
  return steps.at(-1) === '-' ? [...steps.slice(0, -1), String(parent.length)] : steps
}

function change(value: unknown, steps: readonly string[], at: number, edit: DocumentEdit): unknown {
  const step = steps[at]
  if (step === undefined) {
    if (edit.remove === true) throw editInvalid(edit.path, 'the whole document cannot be taken out')
    return edit.value
  }
  const name = Array.isArray(value)
    ? listPlace(value, step, at === steps.length - 1, edit)
    : memberName(value, step, edit)
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Container
  const isLast = at === steps.length - 1
  if (isLast && edit.remove === true) {
    if (!Object.hasOwn(copy, name)) throw editInvalid(edit.path, 'there is nothing to take out')
    if (Array.isArray(copy)) copy.splice(Number(name), 1)
    else delete copy[name]
    return copy
  }
  if (!isLast && !Object.hasOwn(copy, name)) throw editInvalid(edit.path, `there is no '${step}'`)
  const inner = change(
    Object.hasOwn(copy, name) ? (copy as Record<string, unknown>)[name] : undefined,
    steps,
    at + 1,
    edit,
  )
  // A plain assignment to `__proto__` would change the object instead of its members.
  Object.defineProperty(copy, name, { value: inner, writable: true, enumerable: true, configurable: true })
  return copy
}

function listPlace(list: readonly unknown[], step: string, isLast: boolean, edit: DocumentEdit): string {
  if (step === '-' && isLast && edit.remove !== true) return String(list.length)
  const place = /^(?:0|[1-9]\d{0,8})$/.test(step) ? Number(step) : Number.NaN
  const limit = isLast && edit.remove !== true ? list.length : list.length - 1
  if (!(place <= limit)) throw editInvalid(edit.path, `the list there has ${list.length} elements`)
  return step
}

function memberName(value: unknown, step: string, edit: DocumentEdit): string {
  if (!isRecord(value)) throw editInvalid(edit.path, `there is nothing that could have a '${step}'`)
  return step
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
