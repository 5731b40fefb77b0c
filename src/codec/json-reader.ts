import { isAscii } from 'node:buffer'
import { Budget, type Limits, memoryLimit, WEIGHT } from './budget.js'
import { latin1In } from './buffer-reads.js'
import { rebuildBytes } from './byte-kind.js'
import { BYTE_KINDS } from './byte-kinds.js'
import { DecodedShape, SIZE } from './decoded-shape.js'
import { buildError, type ErrorProperty } from './error-parts.js'
import { refuseDense } from './json-density.js'
import { DECIMAL_DIGITS, JSON_TAG } from './json-format.js'
import { buildRegExp, buildUrl } from './rebuild.js'
import { malformed } from './stop.js'
import { put } from './value-kind.js'

/**
 * Reads what `writeJson` wrote, and nothing else.
 *
 * @param shape Told what the value is like, where that was seen.
 * @throws Stop, or what the parser throws, for any other bytes.
 */
export function readJson(bytes: Buffer, limits: Limits, shape = new DecodedShape()): unknown {
  refuseDense(bytes, limits)
  // Most text is ASCII, and told so it is read at twice the speed.
  const text = isAscii(bytes) ? latin1In(bytes, 0, bytes.length) : bytes.toString('utf8')
  const json: unknown = JSON.parse(text)
  const isLight = bytes.length * MOST_WEIGHT <= memoryLimit(limits)
  // Without a tag what the parser made is the value itself.
  if (isLight && !mayHaveTags(text)) {
    shape.bytes = sizeWithin(json, limits.maxDepth, shape.plain)
    if (!Number.isNaN(shape.bytes)) return json
  }
  shape.isPlain = false
  return new JsonReader(limits).value(json)
}

/** What a byte of text stands for in memory at most: `[]` and its comma. */
const MOST_WEIGHT = WEIGHT.container

// Its sign alone is found ten times as fast as it and the quote before it, of which any text is full.
function mayHaveTags(text: string): boolean {
  return (text.includes('$') && text.includes('"$')) || text.includes('\\u0024')
}

/** What a value takes in memory, and its objects into `plain`; `NaN` where it is deeper than it may be. */
function sizeWithin(json: unknown, depth: number, plain: object[]): number {
  if (typeof json === 'string') return SIZE.character * json.length
  if (typeof json !== 'object' || json === null) return SIZE.number
  return depth > 0 ? sizeOfContainer(json, depth - 1, plain) : Number.NaN
}

function sizeOfContainer(json: object, depth: number, plain: object[]): number {
  plain.push(json)
  let bytes: number = SIZE.object
  if (Array.isArray(json)) {
    // By index: `for … in` is six times as slow.
    for (let index = 0; index < json.length; index++) bytes += SIZE.slot + sizeWithin(json[index], depth, plain)
  } else {
    for (const name in json) {
      bytes += SIZE.slot + name.length + sizeWithin((json as Record<string, unknown>)[name], depth, plain)
    }
  }
  return bytes
}

const HOLE = Symbol('hole')

/** The state of one walk over the parsed text. */
class JsonReader {
  readonly #budget: Budget

  constructor(limits: Limits) {
    this.#budget = new Budget(limits)
  }

  /** A place that may not be a hole. */
  value(json: unknown): unknown {
    const value = this.#element(json)
    if (value === HOLE) throw malformed('a hole outside an array')
    return value
  }

  #element(json: unknown): unknown {
    if (typeof json === 'string') this.#budget.charge(json.length)
    if (typeof json !== 'object' || json === null) return this.#scalar(json)
    if (Array.isArray(json)) return this.#array(json)
    const names = Object.keys(json)
    const [name] = names
    if (names.length === 1 && name?.[0] === '$' && name[1] !== '$') {
      return this.#tagged(name, (json as Record<string, unknown>)[name])
    }
    return this.#record(json as Record<string, unknown>, names, {})
  }

  #record(json: Record<string, unknown>, names: readonly string[], target: Record<string, unknown>) {
    this.#budget.enter(WEIGHT.container)
    for (const name of names) {
      const real = nameOf(name)
      this.#budget.charge(WEIGHT.scalar + real.length)
      put(target, real, this.value(json[name]))
    }
    this.#budget.leave()
    return target
  }

  #array(json: readonly unknown[]): unknown[] {
    this.#budget.enter(WEIGHT.container)
    const target: unknown[] = []
    for (const [index, item] of json.entries()) {
      const element = this.#element(item)
      if (element === HOLE) target.length = index + 1
      else target.push(element)
    }
    this.#budget.leave()
    return target
  }

  #tagged(name: string, content: unknown): unknown {
    this.#budget.charge(WEIGHT.container)
    switch (name) {
      case JSON_TAG.undefined:
        return undefined
      case JSON_TAG.hole:
        return HOLE
      case JSON_TAG.number:
        return numberOf(content)
      case JSON_TAG.bigint:
        return this.#bigint(textOf(content))
      case JSON_TAG.date:
        return this.#date(textOf(content))
      case JSON_TAG.bytes:
        return this.#bytes(listOf(content))
      case JSON_TAG.map:
        return this.#map(listOf(content))
      case JSON_TAG.set:
        return this.#set(listOf(content))
      case JSON_TAG.bare:
        return this.#bare(content)
      case JSON_TAG.error:
        return this.#error(listOf(content))
      case JSON_TAG.regexp:
        return this.#regexp(listOf(content))
      case JSON_TAG.url:
        return this.#url(textOf(content))
      default:
        throw malformed('an unknown tag')
    }
  }

  #bigint(text: string): bigint {
    const [, sign, hex, decimal] = /^(-?)(?:0x([0-9a-f]+)|(\d+))$/.exec(text) ?? []
    if (hex === undefined && (decimal === undefined || decimal.length > 2 * DECIMAL_DIGITS))
      throw malformed('no bigint')
    const magnitude = BigInt(hex === undefined ? (decimal as string) : `0x${hex}`)
    this.#budget.charge(WEIGHT.scalar + magnitude.toString(16).length)
    return sign === '-' ? -magnitude : magnitude
  }

  #date(text: string): Date {
    this.#budget.charge(WEIGHT.container)
    const date = new Date(text === 'invalid' ? Number.NaN : text)
    if (text !== 'invalid' && date.toISOString() !== text) throw malformed('a date of another form')
    return date
  }

  #bytes([name, content]: readonly unknown[]): unknown {
    const bytes = Buffer.from(textOf(content), 'base64')
    this.#budget.charge(WEIGHT.bytes + bytes.length)
    return rebuildBytes((BYTE_KINDS as readonly unknown[]).indexOf(name), bytes)
  }

  #map(entries: readonly unknown[]): Map<unknown, unknown> {
    this.#budget.enter(WEIGHT.collection)
    const target = new Map<unknown, unknown>()
    for (const entry of entries) {
      this.#budget.charge(WEIGHT.container)
      const [key, value] = listOf(entry, 2)
      target.set(this.value(key), this.value(value))
    }
    this.#budget.leave()
    return target
  }

  #set(items: readonly unknown[]): Set<unknown> {
    this.#budget.enter(WEIGHT.collection)
    const target = new Set<unknown>()
    for (const item of items) target.add(this.value(item))
    this.#budget.leave()
    return target
  }

  #bare(content: unknown): unknown {
    if (typeof content !== 'object' || content === null || Array.isArray(content)) throw malformed('no properties')
    return this.#record(content as Record<string, unknown>, Object.keys(content), Object.create(null))
  }

  #error([classIndex, list]: readonly unknown[]): Error {
    this.#budget.enter(WEIGHT.error)
    const properties = listOf(list).map((part): ErrorProperty => {
      const [name, isEnumerable, value] = listOf(part, 3)
      this.#budget.charge(WEIGHT.container + textOf(name).length)
      return [textOf(name), isEnumerable === true, this.value(value)]
    })
    this.#budget.leave()
    return buildError({ classIndex: typeof classIndex === 'number' ? classIndex : -1, properties })
  }

  #regexp([source, flags, lastIndex]: readonly unknown[]): RegExp {
    this.#budget.charge(WEIGHT.regexp + textOf(source).length)
    return buildRegExp(textOf(source), textOf(flags), this.value(lastIndex))
  }

  #url(text: string): URL {
    this.#budget.charge(WEIGHT.url + text.length)
    return buildUrl(text)
  }

  #scalar<T>(value: T): T {
    this.#budget.charge(WEIGHT.scalar)
    return value
  }
}

function nameOf(name: string): string {
  if (!name.startsWith('$')) return name
  if (name[1] !== '$') throw malformed('a tag beside properties')
  return name.slice(1)
}

function numberOf(content: unknown): number {
  switch (content) {
    case 'NaN':
      return Number.NaN
    case 'Infinity':
      return Infinity
    case '-Infinity':
      return -Infinity
    case '-0':
      return -0
    default:
      throw malformed('a number that JSON has itself')
  }
}

function textOf(content: unknown): string {
  if (typeof content !== 'string') throw malformed('something else where a text must be')
  return content
}

function listOf(content: unknown, length?: number): readonly unknown[] {
  if (!Array.isArray(content) || (length !== undefined && content.length !== length)) {
    throw malformed('something else where a list must be')
  }
  return content
}
