import { isBuiltIn, isObjectPrototype } from '../codec/built-in.js'
import { BYTE_KINDS } from '../codec/byte-kinds.js'
import { className } from './plain-data.js'

/** What kinds of objects a value may be made of: those the codec brings back as they went in, and no others. */
export type OwnedKind = 'record' | 'array' | 'date' | 'map' | 'set' | 'bytes' | 'regexp' | 'url' | 'error'

/** Why an object cannot be taken over, as part of a sentence. */
export interface UnownedKind {
  readonly unowned: string
}

/**
 * The kind of an object. The same rules as the codec's (`src/codec/value-kind.ts`), without Node: a value is kept in memory
 * if and only if a shared store would keep it, so that adding one changes nothing. Objects of other realms count.
 */
export function ownedKindOf(value: object): OwnedKind | UnownedKind {
  const prototype: object | null = Object.getPrototypeOf(value)
  const kind = kindBy(value, prototype)
  if (kind === undefined) return { unowned: `an instance of ${className(value)}` }
  return Object.getOwnPropertySymbols(value).length === 0 ? kind : symbolsOf(value, kind)
}

/** Whether an array has more than elements: a `RegExp` match has, and no copy would. */
export function hasNamedElements(array: readonly unknown[]): boolean {
  const last = Object.keys(array).at(-1)
  // Indexes come first: if the last name is one, all are.
  return last !== undefined && !(String(Number(last) >>> 0) === last && Number(last) < array.length)
}

function kindBy(value: object, prototype: object | null): OwnedKind | undefined {
  if (prototype === Object.prototype || prototype === null) return 'record'
  if (Array.isArray(value)) return isBuiltIn(prototype, Array.prototype, 'Array') ? 'array' : undefined
  if (ArrayBuffer.isView(value) || tagOf(value) === 'ArrayBuffer') return isKnownBytes(value) ? 'bytes' : undefined
  if (tagOf(value) === 'Error') return isPlainError(value, prototype) ? 'error' : undefined
  if (Object.keys(value).length === 0) {
    if (isOf(value, prototype, Date.prototype, 'Date')) return 'date'
    if (isOf(value, prototype, Map.prototype, 'Map')) return 'map'
    if (isOf(value, prototype, Set.prototype, 'Set')) return 'set'
    if (isOf(value, prototype, RegExp.prototype, 'RegExp')) return 'regexp'
    if (prototype === URL.prototype) return 'url'
  }
  return isObjectPrototype(prototype) ? 'record' : undefined
}

// What the tag says is believed only of the class itself: an own tag is refused below, and a wrong one throws when used.
function isOf(value: object, prototype: object, ours: object, name: string): boolean {
  return tagOf(value) === name && isBuiltIn(prototype, ours, name)
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1)
}

const ERRORS = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError] as const

// A subclass carries behaviour no tier could bring back.
function isPlainError(value: object, prototype: object): boolean {
  return value instanceof Error && ERRORS.some((Class) => Class.prototype === prototype)
}

const BYTES: ReadonlySet<string> = new Set(BYTE_KINDS)

// `Float16Array` is not in every supported Node; shared and resizable memory may change under its readers.
function isKnownBytes(value: object): boolean {
  const memory: unknown = ArrayBuffer.isView(value) ? value.buffer : value
  const { resizable } = memory as { readonly resizable?: boolean }
  if (tagOf(memory as object) !== 'ArrayBuffer' || resizable === true) return false
  const tag = tagOf(value)
  if (tag === 'DataView' || tag === 'ArrayBuffer') return chainLength(value) === 2 && Object.keys(value).length === 0
  return BYTES.has(tag) && chainLength(value) === (isBuffer(value) ? 4 : 3)
}

function isBuffer(value: object): boolean {
  return typeof Buffer !== 'undefined' && Buffer.isBuffer(value)
}

// Counted rather than compared, so that arrays of another realm count too; a subclass adds one.
function chainLength(value: object): number {
  let length = 0
  for (let next = Object.getPrototypeOf(value); next !== null && length < 6; next = Object.getPrototypeOf(next))
    length++
  return length
}

function symbolsOf(value: object, kind: OwnedKind): OwnedKind | UnownedKind {
  if (tagOf(value) === 'Arguments') return { unowned: 'an arguments object' }
  for (const symbol of Object.getOwnPropertySymbols(value)) {
    const isSeen = Object.prototype.propertyIsEnumerable.call(value, symbol) || symbol === Symbol.toStringTag
    if (isSeen) return { unowned: 'a property named by a symbol' }
  }
  return kind
}
