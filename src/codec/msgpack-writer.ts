import { Budget, type Limits, WEIGHT } from './budget.js'
import { bytesOf } from './byte-kind.js'
import type { ByteSink } from './byte-sink.js'
import { errorParts } from './error-parts.js'
import { EXTENSION } from './msgpack-format.js'
import { located, Stop } from './stop.js'
import { kindOf, refuseNamedElements } from './value-kind.js'

const NOT_LATIN1 = /[\u0100-\uffff]/

/**
 * Writes a value as MessagePack: one walk that classifies, bounds and encodes. The result is a view on the sink.
 *
 * @throws Stop for whatever would not come back the same.
 */
export function writeMsgpack(value: unknown, limits: Limits, sink: ByteSink): Buffer {
  new MsgpackWriter(limits, sink).value(value)
  return sink.written()
}

/** The state of one walk. */
class MsgpackWriter {
  readonly #sink: ByteSink
  readonly #budget: Budget

  constructor(limits: Limits, sink: ByteSink) {
    this.#sink = sink
    this.#budget = new Budget(limits)
  }

  value(value: unknown): void {
    if (typeof value === 'string') this.#string(value)
    else if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'object') this.#object(value)
    else if (typeof value === 'boolean') this.#token(value ? 0xc3 : 0xc2)
    else if (value === undefined) this.#empty(EXTENSION.undefined)
    else if (typeof value === 'bigint') this.#bigint(value)
    else throw new Stop('type', `a ${typeof value}`)
  }

  #object(value: object | null): void {
    const kind = value === null ? 'null' : kindOf(value)
    if (kind === 'record') this.#record(value as Record<string, unknown>)
    else if (kind === 'array') this.#array(value as readonly unknown[])
    else if (kind === 'date') this.#date(value as Date)
    else if (kind === 'bytes') this.#bytes(value as ArrayBufferView)
    else if (kind === 'map') this.#map(value as ReadonlyMap<unknown, unknown>)
    else if (kind === 'set') this.#set(value as ReadonlySet<unknown>)
    else if (kind === 'error') this.#error(value as Error)
    else if (kind === 'regexp') this.#regexp(value as RegExp)
    else if (kind === 'url') this.#url(value as URL)
    else if (kind === 'null') this.#token(0xc0)
    else this.#nested(EXTENSION.bare, () => this.#record(value as Record<string, unknown>))
  }

  #record(record: Record<string, unknown>): void {
    this.#budget.enter(WEIGHT.container)
    const names = Object.keys(record)
    this.#count(names.length, 0x80, 0xde)
    let at = ''
    try {
      for (at of names) {
        this.#string(at)
        this.value(record[at])
      }
    } catch (error) {
      throw located(error, at)
    }
    this.#budget.leave()
  }

  #array(array: readonly unknown[]): void {
    this.#budget.enter(WEIGHT.container)
    refuseNamedElements(array)
    const { length } = array
    this.#count(length, 0x90, 0xdc)
    let at = 0
    try {
      for (; at < length; at++) {
        const element = array[at]
        if (element === undefined && !(at in array)) this.#empty(EXTENSION.hole)
        else this.value(element)
      }
    } catch (error) {
      throw located(error, at)
    }
    this.#budget.leave()
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    this.#budget.enter(WEIGHT.collection)
    this.#nested(EXTENSION.map, () => {
      this.#sink.uint32(map.size)
      for (const [key, value] of map) {
        this.#step(key, '(key)')
        this.#step(value, '(value)')
      }
    })
    this.#budget.leave()
  }

  #set(set: ReadonlySet<unknown>): void {
    this.#budget.enter(WEIGHT.collection)
    this.#nested(EXTENSION.set, () => {
      this.#sink.uint32(set.size)
      for (const item of set) this.#step(item, '(item)')
    })
    this.#budget.leave()
  }

  #error(error: Error): void {
    this.#budget.enter(WEIGHT.error)
    const parts = errorParts(error)
    this.#nested(EXTENSION.error, () => {
      this.#sink.byte(parts.classIndex)
      this.#sink.uint32(parts.properties.length)
      for (const [name, isEnumerable, value] of parts.properties) {
        this.#sink.byte(isEnumerable ? 1 : 0)
        this.#string(name)
        this.#step(value, name)
      }
    })
    this.#budget.leave()
  }

  #regexp(pattern: RegExp): void {
    if (typeof pattern.lastIndex !== 'number') throw new Stop('type', 'a regular expression without a position')
    this.#budget.charge(WEIGHT.regexp)
    this.#nested(EXTENSION.regexp, () => {
      this.#string(pattern.source)
      this.#string(pattern.flags)
      this.#number(pattern.lastIndex)
    })
  }

  #url(url: URL): void {
    const { href } = url
    // The standard's serialiser has corner cases that parse to something else.
    if (new URL(href).href !== href) throw new Stop('type', 'a URL that does not parse to itself')
    this.#budget.charge(WEIGHT.url)
    this.#nested(EXTENSION.url, () => this.#string(href))
  }

  #date(date: Date): void {
    this.#budget.charge(WEIGHT.container)
    this.#extension(EXTENSION.date, 8)
    this.#sink.float64(date.getTime())
  }

  #bytes(value: ArrayBufferLike | ArrayBufferView): void {
    const { kind, bytes } = bytesOf(value)
    this.#budget.charge(WEIGHT.bytes + bytes.length)
    this.#extension(EXTENSION.bytes, bytes.length + 1)
    this.#sink.byte(kind)
    this.#sink.bytes(bytes)
  }

  #bigint(value: bigint): void {
    const digits = (value < 0n ? -value : value).toString(16)
    const magnitude = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
    this.#budget.charge(WEIGHT.scalar + magnitude.length)
    this.#extension(EXTENSION.bigint, magnitude.length + 1)
    this.#sink.byte(value < 0n ? 1 : 0)
    this.#sink.bytes(magnitude)
  }

  #number(value: number): void {
    this.#budget.charge(WEIGHT.scalar)
    if ((value | 0) === value && !Object.is(value, -0)) this.#sink.integer(value)
    else this.#sink.double(value)
  }

  #string(text: string): void {
    this.#budget.charge(WEIGHT.scalar + text.length)
    if (text.length < 32 && this.#sink.shortAscii(text)) return
    const utf8Length = this.#sink.utf8(text)
    if (utf8Length === text.length) return
    if (!NOT_LATIN1.test(text)) this.#instead(EXTENSION.latin1, text, 'latin1', text.length)
    else if (utf8Length >= 2 * text.length || this.#isTorn(text, utf8Length)) {
      this.#instead(EXTENSION.utf16, text, 'utf16le', 2 * text.length)
    }
  }

  /** Searching the bytes is many times faster than asking the text; only a find has to be confirmed. */
  #isTorn(text: string, utf8Length: number): boolean {
    return this.#sink.hasReplacement(utf8Length) && !text.isWellFormed()
  }

  /** Another form of a text in place of the UTF-8 just written. */
  #instead(type: number, text: string, encoding: 'latin1' | 'utf16le', length: number): void {
    this.#sink.undoText()
    this.#extension(type, length)
    this.#sink.text(text, encoding, length)
  }

  #token(token: number): void {
    this.#budget.charge(WEIGHT.scalar)
    this.#sink.byte(token)
  }

  #empty(type: number): void {
    this.#budget.charge(WEIGHT.scalar)
    this.#extension(type, 0)
  }

  #count(count: number, short: number, long: number): void {
    if (count < 16) this.#sink.byte(short | count)
    else if (count < 0x10000) this.#sink.tagged16(long, count)
    else this.#sink.tagged32(long + 1, count)
  }

  #extension(type: number, length: number): void {
    if (length < 256) this.#sink.tagged8(0xc7, length)
    else this.#sink.tagged32(0xc9, length)
    this.#sink.byte(type)
  }

  /** An extension whose length is known only after its content was written. */
  #nested(type: number, write: () => void): void {
    this.#sink.tagged32(0xc9, 0)
    this.#sink.byte(type)
    const start = this.#sink.length
    write()
    this.#sink.patch32(start - 5, this.#sink.length - start)
  }

  #step(value: unknown, at: string): void {
    try {
      this.value(value)
    } catch (error) {
      throw located(error, at)
    }
  }
}
