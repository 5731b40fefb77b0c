import { Budget, type Limits, WEIGHT } from './budget.js'
import { bytesOf } from './byte-kind.js'
import { BYTE_KINDS } from './byte-kinds.js'
import { errorParts } from './error-parts.js'
import { DECIMAL_DIGITS, JSON_TAG } from './json-format.js'
import { located, Stop } from './stop.js'
import { kindOf, put, refuseNamedElements } from './value-kind.js'

/**
 * Writes a value as JSON text in which the types that JSON lacks are tagged.
 *
 * @throws Stop for whatever would not come back the same.
 */
export function writeJson(value: unknown, limits: Limits): Buffer {
  const bytes = Buffer.from(JSON.stringify(new JsonWriter(limits).tagged(value)))
  if (bytes.length > limits.maxBytes) throw new Stop('size', `more than ${limits.maxBytes} bytes`)
  return bytes
}

/** The state of one walk, which builds the tree that is written: getters are asked once. */
class JsonWriter {
  readonly #budget: Budget

  constructor(limits: Limits) {
    this.#budget = new Budget(limits)
  }

  tagged(value: unknown): unknown {
    switch (typeof value) {
      case 'object':
        return value === null ? this.#scalar(null) : this.#object(value)
      case 'string':
        this.#budget.charge(value.length)
        return this.#scalar(value)
      case 'number':
        return this.#number(value)
      case 'boolean':
        return this.#scalar(value)
      case 'undefined':
        return this.#tag(JSON_TAG.undefined, true)
      case 'bigint':
        return this.#bigint(value)
      default:
        throw new Stop('type', `a ${typeof value}`)
    }
  }

  #object(value: object): unknown {
    switch (kindOf(value)) {
      case 'record':
        return this.#record(value as Record<string, unknown>)
      case 'bare':
        return this.#tag(JSON_TAG.bare, this.#record(value as Record<string, unknown>))
      case 'array':
        return this.#array(value as readonly unknown[])
      case 'bytes':
        return this.#bytes(value as ArrayBufferView)
      case 'date':
        return this.#date(value as Date)
      case 'map':
        return this.#map(value as ReadonlyMap<unknown, unknown>)
      case 'set':
        return this.#set(value as ReadonlySet<unknown>)
      case 'error':
        return this.#error(value as Error)
      case 'regexp':
        return this.#regexp(value as RegExp)
      case 'url':
        return this.#url(value as URL)
    }
  }

  #record(record: Record<string, unknown>): Record<string, unknown> {
    this.#budget.enter(WEIGHT.container)
    // Without a prototype, so that a `toJSON` somebody put there is not asked.
    const properties: Record<string, unknown> = Object.create(null)
    let at = ''
    try {
      for (at of Object.keys(record)) {
        this.#budget.charge(WEIGHT.scalar + at.length)
        put(properties, at.startsWith('$') ? `$${at}` : at, this.tagged(record[at]))
      }
    } catch (error) {
      throw located(error, at)
    }
    this.#budget.leave()
    return properties
  }

  #array(array: readonly unknown[]): unknown[] {
    this.#budget.enter(WEIGHT.container)
    refuseNamedElements(array)
    const elements: unknown[] = []
    let at = 0
    try {
      for (; at < array.length; at++) {
        const element = array[at]
        const isHole = element === undefined && !(at in array)
        elements.push(isHole ? this.#tag(JSON_TAG.hole, true) : this.tagged(element))
      }
    } catch (error) {
      throw located(error, at)
    }
    this.#budget.leave()
    return elements
  }

  #map(map: ReadonlyMap<unknown, unknown>): unknown {
    this.#budget.enter(WEIGHT.collection)
    const entries: unknown[] = []
    for (const [key, value] of map) {
      this.#budget.charge(WEIGHT.container)
      entries.push([this.#step(key, '(key)'), this.#step(value, '(value)')])
    }
    this.#budget.leave()
    return this.#tag(JSON_TAG.map, entries)
  }

  #set(set: ReadonlySet<unknown>): unknown {
    this.#budget.enter(WEIGHT.collection)
    const items: unknown[] = []
    for (const item of set) items.push(this.#step(item, '(item)'))
    this.#budget.leave()
    return this.#tag(JSON_TAG.set, items)
  }

  #error(error: Error): unknown {
    this.#budget.enter(WEIGHT.error)
    const { classIndex, properties } = errorParts(error)
    const written = properties.map(([name, isEnumerable, value]) => {
      this.#budget.charge(WEIGHT.container + name.length)
      return [name, isEnumerable, this.#step(value, name)]
    })
    this.#budget.leave()
    return this.#tag(JSON_TAG.error, [classIndex, written])
  }

  #regexp(pattern: RegExp): unknown {
    const { source, flags, lastIndex } = pattern
    if (typeof lastIndex !== 'number') throw new Stop('type', 'a regular expression without a position')
    this.#budget.charge(WEIGHT.regexp + source.length)
    return this.#tag(JSON_TAG.regexp, [source, flags, this.tagged(lastIndex)])
  }

  #url({ href }: URL): unknown {
    if (new URL(href).href !== href) throw new Stop('type', 'a URL that does not parse to itself')
    this.#budget.charge(WEIGHT.url + href.length)
    return this.#tag(JSON_TAG.url, href)
  }

  #date(date: Date): unknown {
    this.#budget.charge(WEIGHT.container)
    return this.#tag(JSON_TAG.date, Number.isNaN(date.getTime()) ? 'invalid' : date.toISOString())
  }

  #bytes(value: ArrayBufferLike | ArrayBufferView): unknown {
    const { kind, bytes } = bytesOf(value)
    this.#budget.charge(WEIGHT.bytes + bytes.length)
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
    return this.#tag(JSON_TAG.bytes, [BYTE_KINDS[kind], text])
  }

  #bigint(value: bigint): unknown {
    const digits = (value < 0n ? -value : value).toString(16)
    this.#budget.charge(WEIGHT.scalar + digits.length)
    const text = digits.length <= DECIMAL_DIGITS ? String(value) : `${value < 0n ? '-' : ''}0x${digits}`
    return this.#tag(JSON_TAG.bigint, text)
  }

  #number(value: number): unknown {
    if (Number.isFinite(value) && !Object.is(value, -0)) return this.#scalar(value)
    return this.#tag(JSON_TAG.number, value === 0 ? '-0' : String(value))
  }

  #tag(name: string, content: unknown): Record<string, unknown> {
    this.#budget.charge(WEIGHT.container)
    return { [name]: content }
  }

  #scalar<T>(value: T): T {
    this.#budget.charge(WEIGHT.scalar)
    return value
  }

  #step(value: unknown, at: string): unknown {
    try {
      return this.tagged(value)
    } catch (error) {
      throw located(error, at)
    }
  }
}
