import { type DecodedShape, SIZE } from '../codec/decoded-shape.js'
import { hasNamedElements, type OwnedKind, ownedKindOf } from './owned-kind.js'
import { copyBytes, put } from './plain-data.js'
import { located, Stop } from './walk-stop.js'

/** What a namespace does with objects it hands out. */
export type Isolation = 'freeze' | 'clone' | 'share'

/** What one walk over a value found out. */
export interface Owned<V> {
  readonly value: V
  /** Estimated size in memory. */
  readonly bytes: number
  /** The same object may go to every reader: it is frozen all through, a primitive, or shared by request. */
  readonly handOut: 'same' | 'copy'
}

/** Why a value cannot be kept; `path` names the place, as in `$.items[2].onClick`. */
export interface Refusal {
  readonly refused: 'type' | 'size'
  readonly path: string
  readonly received: string
}

/** How {@link own} treats a value. */
export interface OwnOptions {
  readonly isolation: Isolation
  /** Keep a copy and leave the given object alone: for what a caller hands to `set`. */
  readonly copy: boolean
  /** The walk stops here: larger values are refused. */
  readonly maxBytes: number
}

/**
 * How much of a value is walked at most. More than memory and a shared store take, so that what is too large for either is
 * frozen or copied for its callers like any other value; what is larger still reaches them as it is.
 */
export const MAX_OWNED_BYTES = 64 * 1024 * 1024
const MAX_DEPTH = 512
const { object: OBJECT_BYTES, slot: SLOT_BYTES, number: NUMBER_BYTES } = SIZE

/**
 * Takes a value over: one walk copies (if asked), freezes, sizes, and refuses what no tier keeps the way it is.
 *
 * Plain data ends up deeply frozen and is shared by all readers. Whatever holds a Map, Set, Date or bytes cannot be
 * frozen for real and is copied for each reader. Objects are frozen only after the whole value was accepted.
 */
export function own<V>(value: V, options: OwnOptions): Owned<V> | Refusal {
  if (options.isolation === 'share') return ownWhole(value, options.maxBytes)
  if (typeof value === 'function' || typeof value === 'symbol') {
    return { refused: 'type', path: '$', received: `a ${typeof value}` }
  }
  if (typeof value !== 'object' || value === null) return ownWhole(value, options.maxBytes)
  const walk = new Walk(options.maxBytes)
  const copying = options.copy || options.isolation === 'clone'
  try {
    const kept = copying ? (walk.copy(value, 0) as V) : walk.visited(value)
    const same = options.isolation === 'freeze' && !walk.mutable
    if (same) for (const object of walk.plain) Object.freeze(object)
    return { value: kept, bytes: walk.bytes, handOut: same ? 'same' : 'copy' }
  } catch (error) {
    if (error instanceof Stop) return { refused: error.kind, path: `$${error.path}`, received: error.received }
    return { refused: 'type', path: '$', received: 'an object that throws when it is looked at' }
  }
}

/**
 * The same for a value that was just made of stored bytes, by what was seen of it then; `undefined` where that is not enough.
 * Nobody else has it, so there is nothing to copy.
 */
export function ownDecoded<V>(value: V, shape: DecodedShape | undefined, isolation: Isolation): Owned<V> | undefined {
  if (shape === undefined || !shape.isPlain || isolation !== 'freeze' || typeof value !== 'object') return undefined
  if (value === null || shape.bytes > MAX_OWNED_BYTES) return undefined
  for (const object of shape.plain) Object.freeze(object)
  return { value, bytes: shape.bytes, handOut: 'same' }
}

/** A copy of an owned value for one reader. */
export function copyOf<V>(value: V): V {
  return new Walk(Infinity).copy(value, 0) as V
}

function ownWhole<V>(value: V, maxBytes: number): Owned<V> | Refusal {
  const bytes = shallowBytes(value)
  if (bytes > maxBytes) return { refused: 'size', path: '$', received: `more than ${maxBytes} bytes` }
  return { value, bytes, handOut: 'same' }
}

function shallowBytes(value: unknown): number {
  if (typeof value === 'string') return SLOT_BYTES + 2 * value.length
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return OBJECT_BYTES + value.byteLength
  if (typeof Blob !== 'undefined' && value instanceof Blob) return OBJECT_BYTES + value.size
  return typeof value === 'object' && value !== null ? 256 : SLOT_BYTES
}

/** One pass over a value. Recursion is bounded by {@link MAX_DEPTH}, work by the byte limit, so a cycle ends too. */
class Walk {
  bytes = 0
  /** Something inside cannot be frozen for real. */
  mutable = false
  readonly plain: object[] = []
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  visited<V>(value: V): V {
    this.visit(value, 0)
    return value
  }

  visit(value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null) {
      this.#scalar(value)
      return
    }
    this.#enter(depth)
    const kind = kindOf(value)
    if (kind === 'array') {
      const array = value as readonly unknown[]
      this.#enterArray(array)
      for (let index = 0; index < array.length; index++) this.#step(array[index], depth, index)
      this.plain.push(value)
    } else if (kind === 'record') {
      this.#count(OBJECT_BYTES)
      const record = value as Record<string, unknown>
      for (const key of Object.keys(record)) {
        this.#count(SLOT_BYTES + key.length)
        this.#step(record[key], depth, key)
      }
      this.plain.push(value)
    } else {
      this.#exotic(value, kind, depth, false)
    }
  }

  copy(value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null) {
      this.#scalar(value)
      return value
    }
    this.#enter(depth)
    const kind = kindOf(value)
    if (kind === 'array') return this.#copyArray(value as readonly unknown[], depth)
    if (kind !== 'record') return this.#exotic(value, kind, depth, true)
    this.#count(OBJECT_BYTES)
    const record = value as Record<string, unknown>
    const target: Record<string, unknown> = Object.getPrototypeOf(value) === null ? Object.create(null) : {}
    for (const key of Object.keys(record)) {
      this.#count(SLOT_BYTES + key.length)
      put(target, key, this.#copyStep(record[key], depth, key))
    }
    this.plain.push(target)
    return target
  }

  #copyArray(value: readonly unknown[], depth: number): unknown[] {
    this.#enterArray(value)
    const target: unknown[] = new Array(value.length)
    for (let index = 0; index < value.length; index++) {
      if (index in value) target[index] = this.#copyStep(value[index], depth, index)
    }
    this.plain.push(target)
    return target
  }

  // Sized before its names are listed: a sparse array may be endless.
  #enterArray(array: readonly unknown[]): void {
    this.#count(OBJECT_BYTES + SLOT_BYTES * array.length)
    if (hasNamedElements(array)) throw new Stop('type', 'an array with properties')
  }

  /** Date, Map, Set, bytes and errors: known, kept, but not freezable. */
  #exotic(value: object, kind: OwnedKind, depth: number, copying: boolean): unknown {
    this.mutable = true
    switch (kind) {
      case 'map':
        return this.#map(value as Map<unknown, unknown>, depth, copying)
      case 'set':
        return this.#set(value as Set<unknown>, depth, copying)
      case 'error':
        return this.#error(value as Error, depth, copying)
      case 'bytes': {
        const bytes = value as ArrayBuffer | ArrayBufferView
        this.#count(OBJECT_BYTES + bytes.byteLength)
        return copying ? copyBytes(bytes) : value
      }
      case 'date':
        this.#count(OBJECT_BYTES)
        return copying ? new Date((value as Date).getTime()) : value
      case 'url':
        return this.#url(value as URL, copying)
      default:
        return this.#regexp(value as RegExp, copying)
    }
  }

  #url(url: URL, copying: boolean): URL {
    this.#count(OBJECT_BYTES + 2 * url.href.length)
    const copy = new URL(url.href)
    // The standard's serialiser has corner cases that parse to something else.
    if (copy.href !== url.href) throw new Stop('type', 'a URL that does not parse to itself')
    return copying ? copy : url
  }

  #regexp(pattern: RegExp, copying: boolean): RegExp {
    this.#count(OBJECT_BYTES + pattern.source.length)
    if (!copying) return pattern
    const copy = new RegExp(pattern.source, pattern.flags)
    copy.lastIndex = pattern.lastIndex
    return copy
  }

  #map(map: Map<unknown, unknown>, depth: number, copying: boolean): Map<unknown, unknown> {
    this.#count(OBJECT_BYTES + 2 * SLOT_BYTES * map.size)
    const target = copying ? new Map<unknown, unknown>() : map
    for (const [key, item] of map) {
      if (copying) target.set(this.#copyStep(key, depth, '(key)'), this.#copyStep(item, depth, '(value)'))
      else {
        this.#step(key, depth, '(key)')
        this.#step(item, depth, '(value)')
      }
    }
    return target
  }

  #set(set: Set<unknown>, depth: number, copying: boolean): Set<unknown> {
    this.#count(OBJECT_BYTES + SLOT_BYTES * set.size)
    const target = copying ? new Set<unknown>() : set
    for (const item of set) {
      if (copying) target.add(this.#copyStep(item, depth, '(item)'))
      else this.#step(item, depth, '(item)')
    }
    return target
  }

  #error(error: Error, depth: number, copying: boolean): Error {
    this.#count(OBJECT_BYTES + 2 * (error.message.length + (error.stack?.length ?? 0)))
    // Made by its class: only what a constructor returns is an error to the language, and so to loggers.
    const target = copying ? new (error.constructor as ErrorConstructor)() : error
    if (copying) for (const key of Object.getOwnPropertyNames(target)) Reflect.deleteProperty(target, key)
    for (const key of Object.getOwnPropertyNames(error)) {
      const item = (error as unknown as Record<string, unknown>)[key]
      if (copying) {
        const enumerable = Object.prototype.propertyIsEnumerable.call(error, key)
        const copied = this.#copyStep(item, depth, key)
        Object.defineProperty(target, key, { value: copied, writable: true, configurable: true, enumerable })
      } else this.#step(item, depth, key)
    }
    return target
  }

  #scalar(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#count(2 * value.length)
        return
      case 'function':
      case 'symbol':
        throw new Stop('type', `a ${typeof value}`)
      default:
        this.#count(NUMBER_BYTES)
    }
  }

  #step(value: unknown, depth: number, at: string | number): void {
    try {
      this.visit(value, depth + 1)
    } catch (error) {
      throw located(error, at)
    }
  }

  #copyStep(value: unknown, depth: number, at: string | number): unknown {
    try {
      return this.copy(value, depth + 1)
    } catch (error) {
      throw located(error, at)
    }
  }

  #enter(depth: number): void {
    if (depth > MAX_DEPTH) throw new Stop('type', `a cycle, or nesting deeper than ${MAX_DEPTH},`)
  }

  #count(bytes: number): void {
    this.bytes += bytes
    if (this.bytes > this.#maxBytes) throw new Stop('size', `more than ${this.#maxBytes} bytes`)
  }
}

function kindOf(value: object): OwnedKind {
  const kind = ownedKindOf(value)
  if (typeof kind === 'object') throw new Stop('type', kind.unowned)
  return kind
}
