import { Budget, type Limits, WEIGHT } from './budget.js'
import { rebuildBytes } from './byte-kind.js'
import { ByteSource } from './byte-source.js'
import { DecodedShape, SIZE } from './decoded-shape.js'
import { buildError, type ErrorProperty } from './error-parts.js'
import type { KeyCache } from './key-cache.js'
import { EXTENSION } from './msgpack-format.js'
import { buildRegExp, buildUrl } from './rebuild.js'
import { malformed } from './stop.js'
import { put } from './value-kind.js'

/**
 * Reads what `writeMsgpack` wrote, and nothing else: no class is looked up by name, no length is believed before it was
 * compared with what is left.
 *
 * @param shape Told what the value is like.
 * @throws Stop for any other bytes.
 */
export function readMsgpack(bytes: Buffer, limits: Limits, keys: KeyCache, shape = new DecodedShape()): unknown {
  const reader = new MsgpackReader(bytes, limits, keys, shape)
  const value = reader.value()
  reader.end()
  return value
}

const HOLE = Symbol('hole')
/** Copied where an array is read: of literals the engine notes where they are made, and may decide to keep them in old memory. */
const EMPTY: unknown[] = []

/** The state of one walk. */
class MsgpackReader {
  readonly #source: ByteSource
  readonly #budget: Budget
  readonly #keys: KeyCache
  readonly #shape: DecodedShape

  constructor(bytes: Buffer, limits: Limits, keys: KeyCache, shape: DecodedShape) {
    this.#shape = shape
    this.#source = new ByteSource(bytes)
    this.#budget = new Budget(limits)
    this.#keys = keys
  }

  /** A place that may not be a hole. */
  value(): unknown {
    const value = this.#element()
    if (value === HOLE) throw malformed('a hole outside an array')
    return value
  }

  end(): void {
    if (this.#source.left !== 0) throw malformed('bytes behind the value')
  }

  #element(): unknown {
    const token = this.#source.byte()
    if (token < 0x80) return this.#scalar(token)
    if (token < 0x90) return this.#record(token & 0x0f, {})
    if (token < 0xa0) return this.#array(token & 0x0f)
    if (token < 0xc0) return this.#string(token & 0x1f)
    if (token >= 0xe0) return this.#scalar(token - 0x100)
    return this.#tagged(token)
  }

  #tagged(token: number): unknown {
    switch (token) {
      case 0xc0:
        return this.#scalar(null)
      case 0xc2:
        return this.#scalar(false)
      case 0xc3:
        return this.#scalar(true)
      case 0xc7:
        return this.#extension(this.#source.byte())
      case 0xc9:
        return this.#extension(this.#source.uint32())
      case 0xcb:
        return this.#scalar(this.#source.float64())
      case 0xcc:
        return this.#scalar(this.#source.byte())
      case 0xcd:
        return this.#scalar(this.#source.uint16())
      case 0xd2:
        return this.#scalar(this.#source.uint32() | 0)
      case 0xd9:
        return this.#string(this.#source.byte())
      case 0xda:
        return this.#string(this.#source.uint16())
      case 0xdb:
        return this.#string(this.#source.uint32())
      case 0xdc:
        return this.#array(this.#source.uint16())
      case 0xdd:
        return this.#array(this.#source.uint32())
      case 0xde:
        return this.#record(this.#source.uint16(), {})
      case 0xdf:
        return this.#record(this.#source.uint32(), {})
      default:
        throw malformed('an unknown token')
    }
  }

  #record(count: number, target: Record<string, unknown>): Record<string, unknown> {
    this.#budget.enter(WEIGHT.container)
    this.#source.holds(count * 2)
    this.#shape.plain.push(target)
    this.#shape.bytes += SIZE.object + SIZE.slot * count
    for (let index = 0; index < count; index++) {
      const name = this.#name()
      this.#shape.bytes += name.length
      const value = this.value()
      if (name === '__proto__') put(target, name, value)
      else target[name] = value
    }
    this.#budget.leave()
    return target
  }

  #array(count: number): unknown[] {
    this.#budget.enter(WEIGHT.container)
    this.#source.holds(count)
    const target = EMPTY.slice()
    this.#shape.plain.push(target)
    this.#shape.bytes += SIZE.object + SIZE.slot * count
    for (let index = 0; index < count; index++) {
      const element = this.#element()
      if (element === HOLE) target.length = index + 1
      else target.push(element)
    }
    this.#budget.leave()
    return target
  }

  /** A property's name: text in any form. */
  #name(): string {
    const name = this.#source.shortName(this.#keys)
    if (name === undefined) return this.#text()
    this.#budget.charge(WEIGHT.scalar + name.length)
    return name
  }

  #text(): string {
    const text = this.#element()
    if (typeof text !== 'string') throw malformed('something else where a text must be')
    // It is a name, and not a value of its own.
    this.#shape.bytes -= SIZE.character * text.length
    return text
  }

  #string(length: number): string {
    return this.#decoded(length, 'utf8')
  }

  #decoded(length: number, encoding: 'utf8' | 'latin1' | 'utf16le'): string {
    const text = this.#source.text(length, encoding)
    this.#budget.charge(WEIGHT.scalar + text.length)
    this.#shape.bytes += SIZE.character * text.length
    return text
  }

  #extension(length: number): unknown {
    const type = this.#source.byte()
    const left = this.#source.left - length
    if (left < 0) throw malformed('an extension cut short')
    const value = this.#extended(type, length)
    if (this.#source.left !== left) throw malformed('an extension of another length')
    return value
  }

  #extended(type: number, length: number): unknown {
    switch (type) {
      case EXTENSION.undefined:
        return this.#scalar(undefined)
      case EXTENSION.hole:
        return this.#scalar(HOLE)
      case EXTENSION.utf16:
        return this.#decoded(length, 'utf16le')
      case EXTENSION.latin1:
        return this.#decoded(length, 'latin1')
      case EXTENSION.bigint:
        return this.#bigint(length)
      case EXTENSION.bare:
        return this.#bare()
      default:
        this.#shape.isPlain = false
        return this.#exotic(type, length)
    }
  }

  #exotic(type: number, length: number): unknown {
    switch (type) {
      case EXTENSION.date:
        this.#budget.charge(WEIGHT.container)
        return new Date(this.#source.float64())
      case EXTENSION.bytes:
        return this.#kindOfBytes(length)
      case EXTENSION.map:
        return this.#map()
      case EXTENSION.set:
        return this.#set()
      case EXTENSION.error:
        return this.#error()
      case EXTENSION.regexp:
        this.#budget.charge(WEIGHT.regexp)
        return buildRegExp(this.#text(), this.#text(), this.value())
      case EXTENSION.url:
        this.#budget.charge(WEIGHT.url)
        return buildUrl(this.#text())
      default:
        throw malformed('an unknown extension')
    }
  }

  #bare(): Record<string, unknown> {
    const token = this.#source.byte()
    const target: Record<string, unknown> = Object.create(null)
    if (token >= 0x80 && token < 0x90) return this.#record(token & 0x0f, target)
    if (token === 0xde) return this.#record(this.#source.uint16(), target)
    if (token === 0xdf) return this.#record(this.#source.uint32(), target)
    throw malformed('something else where properties must be')
  }

  #map(): Map<unknown, unknown> {
    this.#budget.enter(WEIGHT.collection)
    const count = this.#source.holds(this.#source.uint32() * 2) / 2
    const target = new Map<unknown, unknown>()
    for (let index = 0; index < count; index++) target.set(this.value(), this.value())
    this.#budget.leave()
    return target
  }

  #set(): Set<unknown> {
    this.#budget.enter(WEIGHT.collection)
    const count = this.#source.holds(this.#source.uint32())
    const target = new Set<unknown>()
    for (let index = 0; index < count; index++) target.add(this.value())
    this.#budget.leave()
    return target
  }

  #error(): Error {
    this.#budget.enter(WEIGHT.error)
    const classIndex = this.#source.byte()
    const count = this.#source.holds(this.#source.uint32())
    const properties: ErrorProperty[] = []
    for (let index = 0; index < count; index++) {
      const isEnumerable = this.#source.flag()
      properties.push([this.#text(), isEnumerable, this.value()])
    }
    this.#budget.leave()
    return buildError({ classIndex, properties })
  }

  #bigint(length: number): bigint {
    if (length < 2) throw malformed('a bigint without digits')
    this.#budget.charge(WEIGHT.scalar + length - 1)
    this.#shape.bytes += SIZE.number
    const isNegative = this.#source.flag()
    const magnitude = BigInt(`0x${this.#source.text(length - 1, 'hex')}`)
    return isNegative ? -magnitude : magnitude
  }

  #kindOfBytes(length: number): unknown {
    if (length < 1) throw malformed('bytes without a kind')
    this.#budget.charge(WEIGHT.bytes + length - 1)
    return rebuildBytes(this.#source.byte(), this.#source.bytes(length - 1))
  }

  #scalar<T>(value: T): T {
    this.#budget.charge(WEIGHT.scalar)
    this.#shape.bytes += SIZE.number
    return value
  }
}
