import { className, copyBytes, isPlain, isPlainError, put } from './plain-data.js'

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

const MAX_DEPTH = 512
const OBJECT_BYTES = 32
const SLOT_BYTES = 16
const NUMBER_BYTES = 8

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
  return typeof value === 'object' && value !== null ? 256 : SLOT_BYTES
}

/** Ends a walk; carries the path, built while it unwinds. */
class Stop {
  path = ''
  readonly kind: 'type' | 'size'
  readonly received: string

  constructor(kind: 'type' | 'size', received: string) {
    this.kind = kind
    this.received = received
  }
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
    if (Array.isArray(value)) {
      this.#count(OBJECT_BYTES + SLOT_BYTES * value.length)
      for (let index = 0; index < value.length; index++) this.#step(value[index], depth, index)
      this.plain.push(value)
    } else if (isPlain(value)) {
      this.#count(OBJECT_BYTES)
      const record = value as Record<string, unknown>
      for (const key of Object.keys(record)) {
        this.#count(SLOT_BYTES + key.length)
        this.#step(record[key], depth, key)
      }
      this.plain.push(value)
    } else {
      this.#exotic(value, depth, false)
    }
  }

  copy(value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null) {
      this.#scalar(value)
      return value
    }
    this.#enter(depth)
    if (Array.isArray(value)) return this.#copyArray(value, depth)
    if (!isPlain(value)) return this.#exotic(value, depth, true)
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
    this.#count(OBJECT_BYTES + SLOT_BYTES * value.length)
    const target: unknown[] = new Array(value.length)
    for (let index = 0; index < value.length; index++) {
      if (index in value) target[index] = this.#copyStep(value[index], depth, index)
    }
    this.plain.push(target)
    return target
  }

  /** Date, Map, Set, bytes and errors: known, kept, but not freezable. */
  #exotic(value: object, depth: number, copying: boolean): unknown {
    this.mutable = true
    if (value instanceof Date) {
      this.#count(OBJECT_BYTES)
      return copying ? new Date(value.getTime()) : value
    }
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
      this.#count(OBJECT_BYTES + value.byteLength)
      return copying ? copyBytes(value) : value
    }
    if (value instanceof Map) return this.#map(value, depth, copying)
    if (value instanceof Set) return this.#set(value, depth, copying)
    if (value instanceof URL) {
      this.#count(OBJECT_BYTES + 2 * value.href.length)
      return copying ? new URL(value.href) : value
    }
    if (value instanceof RegExp) {
      this.#count(OBJECT_BYTES + value.source.length)
      return copying ? new RegExp(value.source, value.flags) : value
    }
    if (isPlainError(value)) return this.#error(value, depth, copying)
    throw new Stop('type', `an instance of ${className(value)}`)
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
    for (const key of Object.getOwnPropertyNames(error)) {
      const item = (error as unknown as Record<string, unknown>)[key]
      const hidden = key === 'message' || key === 'stack' || key === 'cause'
      if (copying) {
        const copied = this.#copyStep(item, depth, key)
        Object.defineProperty(target, key, { value: copied, writable: true, configurable: true, enumerable: !hidden })
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

function located(error: unknown, at: string | number): unknown {
  if (error instanceof Stop && error.path.length < 200) {
    error.path =
      (typeof at === 'number' ? `[${at}]` : /^[A-Za-z_$][\w$]*$/.test(at) ? `.${at}` : `["${at.slice(0, 40)}"]`) +
      error.path
  }
  return error
}
