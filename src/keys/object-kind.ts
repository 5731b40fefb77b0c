import { Buffer } from 'node:buffer'
import { types } from 'node:util'

/** The kinds of objects that have a canonical form of their own. */
export type ObjectKind =
  | 'plain'
  | 'array'
  | 'date'
  | 'map'
  | 'set'
  | 'typedArray'
  | 'buffer'
  | 'arrayBuffer'
  | 'dataView'
  | 'regexp'
  | 'url'
  | 'unsupported'

/**
 * The kind of an object, told by its internal slots, so that objects of another realm (`node:vm`, test runners) count too.
 *
 * Subclasses are `unsupported`: their extra state would not be part of the key.
 */
export function kindOf(value: object): ObjectKind {
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return 'plain'
  if (Array.isArray(value)) return prototype === Array.prototype || chainLength(value) === 2 ? 'array' : 'unsupported'
  if (isForeignObjectPrototype(prototype)) return 'plain'
  return exoticKind(value, prototype)
}

/** The name of a typed array's kind, such as `Float32Array`; read from its internal slot. */
export function typedArrayName(value: NodeJS.TypedArray): string {
  return value[Symbol.toStringTag]
}

function exoticKind(value: object, prototype: object): ObjectKind {
  if (types.isDate(value)) return ifDirect(value, 'date')
  if (types.isMap(value)) return ifDirect(value, 'map')
  if (types.isSet(value)) return ifDirect(value, 'set')
  if (types.isTypedArray(value)) return typedKind(value)
  if (types.isRegExp(value)) return ifDirect(value, 'regexp')
  if (types.isArrayBuffer(value)) return ifDirect(value, 'arrayBuffer')
  if (types.isDataView(value)) return ifDirect(value, 'dataView')
  return prototype === URL.prototype ? 'url' : 'unsupported'
}

function typedKind(value: NodeJS.TypedArray): ObjectKind {
  const length = chainLength(value)
  if (length === 3) return 'typedArray'
  return length === 4 && Buffer.isBuffer(value) ? 'buffer' : 'unsupported'
}

// value -> Date.prototype -> Object.prototype: two steps, whatever the realm; a subclass adds one.
function ifDirect(value: object, kind: ObjectKind): ObjectKind {
  return chainLength(value) === 2 ? kind : 'unsupported'
}

function chainLength(value: object): number {
  let length = 0
  let next: object | null = Object.getPrototypeOf(value)
  while (next !== null && length < 5) {
    length++
    next = Object.getPrototypeOf(next)
  }
  return length
}

function isForeignObjectPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}
