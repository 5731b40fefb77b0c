import { type DigestOptions, digestIn } from './digest.js'
import { keyForm } from './key-form.js'
import { KeyRefusal, pathStep } from './key-refusal.js'
import { kindOf } from './object-kind.js'
import { taggedJson } from './tagged-json.js'
import { applyTextForm } from './text-form.js'

/** A place where two key inputs differ. */
export interface KeyDifference {
  /** Such as `$.messages[0].content`; of a Map, `$.map.get("name")`. */
  readonly path: string
  /** The first value, cut at 120 characters around the first difference; `(absent)` where there is none. */
  readonly a: string
  /** The second value, likewise. */
  readonly b: string
}

/**
 * Names the paths at which two key inputs differ, at most 100 of them: why was this a miss? It shows the values.
 *
 * Never throws: what has no canonical form is a difference of its own, `(unsupported: a function)`.
 */
export function diffKeys(a: unknown, b: unknown, options: DigestOptions = {}): KeyDifference[] {
  const search: Search = { options, found: [], containers: [], visits: 0 }
  compare(search, '$', a, b)
  return search.found
}

const MAX_DIFFERENCES = 100
const MAX_SHOWN = 120
const MAX_VISITS = 1_000_000
const MAX_DEPTH = 512

interface Search {
  readonly options: DigestOptions
  readonly found: KeyDifference[]
  /** The pairs above the current one, one after the other. */
  readonly containers: unknown[]
  visits: number
}

function compare(search: Search, path: string, a: unknown, b: unknown): void {
  if (search.found.length >= MAX_DIFFERENCES || ++search.visits > MAX_VISITS) return
  try {
    const kind = sharedKind(a, b)
    if (kind === undefined || isTooDeep(search, a, b)) compareWhole(search, path, a, b)
    else compareInside(search, path, kind, a, b)
  } catch {
    report(search, path, a, b)
  }
}

type InnerKind = 'plain' | 'array' | 'map'

function sharedKind(a: unknown, b: unknown): InnerKind | undefined {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return undefined
  if (keyForm in a || keyForm in b) return undefined
  const kind = kindOf(a)
  if (kind !== kindOf(b)) return undefined
  return kind === 'plain' || kind === 'array' || kind === 'map' ? kind : undefined
}

// A pair met again below itself, or either side in a cycle, ends in the refusal that `compareWhole` shows.
function isTooDeep(search: Search, a: unknown, b: unknown): boolean {
  return search.containers.length / 2 >= MAX_DEPTH || search.containers.includes(a) || search.containers.includes(b)
}

function compareWhole(search: Search, path: string, a: unknown, b: unknown): void {
  const left = digestOrNothing(search, a)
  if (left === undefined || left !== digestOrNothing(search, b)) report(search, path, a, b)
}

function compareInside(search: Search, path: string, kind: InnerKind, a: unknown, b: unknown): void {
  search.containers.push(a, b)
  try {
    if (kind === 'plain') compareProperties(search, path, a as Properties, b as Properties)
    else if (kind === 'array') compareElements(search, path, a as readonly unknown[], b as readonly unknown[])
    else compareEntries(search, path, a as ReadonlyMap<unknown, unknown>, b as ReadonlyMap<unknown, unknown>)
  } finally {
    search.containers.length -= 2
  }
}

type Properties = Record<string, unknown>

function compareProperties(search: Search, path: string, a: Properties, b: Properties): void {
  for (const name of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()) {
    compareOrAbsent(search, path + pathStep(name), propertyOf(a, name), propertyOf(b, name))
  }
}

function compareElements(search: Search, path: string, a: readonly unknown[], b: readonly unknown[]): void {
  const length = Math.max(a.length, b.length)
  for (let index = 0; index < length && search.found.length < MAX_DIFFERENCES; index++) {
    compareOrAbsent(search, path + pathStep(index), elementOf(a, index), elementOf(b, index))
  }
}

function compareEntries(
  search: Search,
  path: string,
  a: ReadonlyMap<unknown, unknown>,
  b: ReadonlyMap<unknown, unknown>,
): void {
  const left = entriesByDigest(a)
  const right = entriesByDigest(b)
  // Two objects of equal content are two keys of a Map, and nothing says which entry to compare with which.
  if (left.size < a.size || right.size < b.size) {
    compareWhole(search, path, a, b)
    return
  }
  for (const digest of new Set([...left.keys(), ...right.keys()])) {
    const entry = left.get(digest) ?? right.get(digest)
    const step = `.get(${show(search, entry?.key)})`
    const inLeft = left.get(digest)
    const inRight = right.get(digest)
    compareOrAbsent(search, path + step, inLeft ? inLeft.value : absent, inRight ? inRight.value : absent)
  }
}

function entriesByDigest(map: ReadonlyMap<unknown, unknown>) {
  const entries = new Map<string, { readonly key: unknown; readonly value: unknown }>()
  for (const [key, value] of map) entries.set(digestIn({}, key), { key, value })
  return entries
}

const absent = Symbol('absent')
const hole = Symbol('hole')

function elementOf(container: readonly unknown[], index: number): unknown {
  if (index >= container.length) return absent
  return index in container ? container[index] : hole
}

// A property that is `undefined` equals an absent one, here as in a key.
function propertyOf(container: Properties, name: string): unknown {
  const value = Object.hasOwn(container, name) ? container[name] : undefined
  return value === undefined ? absent : value
}

function compareOrAbsent(search: Search, path: string, a: unknown, b: unknown): void {
  if (!isMissing(a) && !isMissing(b)) compare(search, path, a, b)
  else if (a !== b) report(search, path, a, b)
}

function isMissing(value: unknown): boolean {
  return value === absent || value === hole
}

function report(search: Search, path: string, a: unknown, b: unknown): void {
  if (search.found.length >= MAX_DIFFERENCES) return
  const left = show(search, a)
  const right = show(search, b)
  const from = windowStart(left, right)
  search.found.push({ path, a: cut(left, from), b: cut(right, from) })
}

// Two long prompts that differ in a timestamp near their end: show the place, not the beginning they share.
function windowStart(left: string, right: string): number {
  if (left.length <= MAX_SHOWN && right.length <= MAX_SHOWN) return 0
  let same = 0
  while (same < left.length && left[same] === right[same]) same++
  return same > MAX_SHOWN / 2 ? same - MAX_SHOWN / 4 : 0
}

function cut(text: string, from: number): string {
  const end = from + MAX_SHOWN - 2
  if (from === 0 && text.length <= MAX_SHOWN) return text
  return `${from > 0 ? '…' : ''}${text.slice(from, end)}${end < text.length ? '…' : ''}`
}

function show(search: Search, value: unknown): string {
  if (value === absent) return '(absent)'
  if (value === hole) return '(hole)'
  const { text } = search.options
  if (typeof value === 'string') return JSON.stringify(text === undefined ? value : applyTextForm(value, text))
  try {
    digestIn({}, value)
    return taggedJson(value, text)
  } catch (error) {
    return `(unsupported: ${error instanceof KeyRefusal ? error.received : 'a value that throws when it is read'})`
  }
}

function digestOrNothing(search: Search, value: unknown): string | undefined {
  try {
    return digestIn({ text: search.options.text }, value)
  } catch {
    return undefined
  }
}
