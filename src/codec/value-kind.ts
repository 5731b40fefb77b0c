import { types } from 'node:util'
import { isBuiltIn, isObjectPrototype } from './built-in.js'
import { isBytes } from './byte-kind.js'
import { Stop } from './stop.js'

/** The kinds of objects that come back as they went in. `bare` is an object without a prototype. */
export type ValueKind = 'record' | 'bare' | 'array' | 'date' | 'map' | 'set' | 'bytes' | 'regexp' | 'url' | 'error'

/** Error classes by their number in stored entries: append only. */
export const ERROR_CLASSES = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError] as const

const ERROR_PROTOTYPES: readonly unknown[] = ERROR_CLASSES.map((Class) => Class.prototype)

/**
 * The kind of an object, told by its internal slots and direct prototype.
 *
 * @throws Stop for class instances, subclasses, and objects with properties that would not come back. Non-enumerable
 * properties are no part of a value: SDKs hang request ids there.
 */
export function kindOf(value: object): ValueKind {
  const prototype: object | null = Object.getPrototypeOf(value)
  const kind = kindBy(value, prototype)
  if (kind === undefined) throw new Stop('type', `an instance of ${className(value)}`)
  if (Object.getOwnPropertySymbols(value).length > 0) refuseSymbols(value)
  return kind
}

/** The class of an error as an index of {@link ERROR_CLASSES}. */
export function errorClassOf(error: Error): number {
  return ERROR_PROTOTYPES.indexOf(Object.getPrototypeOf(error))
}

/** Assigns a property; one named `__proto__` becomes a property too, where an assignment would change the prototype. */
export function put(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  else target[key] = value
}

/**
 * The elements of an array are all of it.
 *
 * @throws Stop for one with properties of its own, such as a `RegExp` match.
 */
export function refuseNamedElements(array: readonly unknown[]): void {
  const last = Object.keys(array).at(-1)
  // Indexes come first: if the last name is one, all are.
  if (last === undefined || (String(Number(last) >>> 0) === last && Number(last) < array.length)) return
  throw new Stop('type', 'an array with properties')
}

function kindBy(value: object, prototype: object | null): ValueKind | undefined {
  if (prototype === Object.prototype) return 'record'
  if (prototype === null) return 'bare'
  if (Array.isArray(value)) return isBuiltIn(prototype, Array.prototype, 'Array') ? 'array' : undefined
  if (isBytes(value)) return 'bytes'
  if (types.isNativeError(value)) return errorClassOf(value) >= 0 ? 'error' : undefined
  if (Object.keys(value).length === 0) {
    if (types.isDate(value)) return isBuiltIn(prototype, Date.prototype, 'Date') ? 'date' : undefined
    if (types.isMap(value)) return isBuiltIn(prototype, Map.prototype, 'Map') ? 'map' : undefined
    if (types.isSet(value)) return isBuiltIn(prototype, Set.prototype, 'Set') ? 'set' : undefined
    if (types.isRegExp(value)) return isBuiltIn(prototype, RegExp.prototype, 'RegExp') ? 'regexp' : undefined
    if (prototype === URL.prototype) return 'url'
  }
  return isObjectPrototype(prototype) ? 'record' : undefined
}

function refuseSymbols(value: object): void {
  if (types.isArgumentsObject(value)) throw new Stop('type', 'an arguments object')
  for (const symbol of Object.getOwnPropertySymbols(value)) {
    const isSeen = Object.prototype.propertyIsEnumerable.call(value, symbol) || symbol === Symbol.toStringTag
    if (isSeen) throw new Stop('type', 'a property named by a symbol')
  }
}

function className(value: object): string {
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== '' ? name.slice(0, 60) : 'an unnamed class'
}
