/** What could be read of a JSON text that may have been cut off. */
export interface JsonPrefix {
  readonly value: unknown
  /** Containers that end where the text ends or stops being JSON; their members are whole, and some are missing. */
  readonly partial: ReadonlySet<object>
  /** Nothing is missing. */
  readonly complete: boolean
}

const MAX_DEPTH = 200
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORDS = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const

/**
 * Reads the JSON value at `from` as far as it goes.
 *
 * A model that ran out of tokens leaves a text that no parser takes, although all but its last value are whole. A value
 * that may be cut (a text without its end, a number at the very end) is left out, never guessed.
 */
export function readJsonPrefix(text: string, from: number): JsonPrefix {
  return new PrefixReader(text, from).read()
}

/** What stands for a value that could not be read whole. */
const NOTHING = Symbol('nothing')

class PrefixReader {
  readonly #text: string
  readonly #partial = new Set<object>()
  #at: number
  #depth = 0
  #broken = false

  constructor(text: string, from: number) {
    this.#text = text
    this.#at = from
  }

  read(): JsonPrefix {
    const value = this.#value()
    return { value: value === NOTHING ? undefined : value, partial: this.#partial, complete: !this.#broken }
  }

  #value(): unknown {
    this.#skipSpace()
    const first = this.#text[this.#at]
    if (first === '{') return this.#container({}, '}', (target) => this.#member(target as Record<string, unknown>))
    if (first === '[') return this.#container([], ']', (target) => this.#element(target as unknown[]))
    if (first === '"') return this.#string()
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    return this.#number()
  }

  #container(target: object, close: string, readNext: (target: object) => boolean): unknown {
    this.#at++
    if (++this.#depth > MAX_DEPTH) return this.#break()
    for (;;) {
      this.#skipSpace()
      if (this.#text[this.#at] === close) {
        this.#at++
        this.#depth--
        return target
      }
      if (!readNext(target)) break
      this.#skipSpace()
      // A comma before the closing bracket is a mistake that models make, and a harmless one.
      if (this.#text[this.#at] === ',') this.#at++
      else if (this.#text[this.#at] !== close) break
    }
    this.#break()
    this.#partial.add(target)
    return target
  }

  #member(target: Record<string, unknown>): boolean {
    if (this.#text[this.#at] !== '"') return false
    const name = this.#string()
    this.#skipSpace()
    if (name === NOTHING || this.#text[this.#at] !== ':') return false
    this.#at++
    const value = this.#value()
    // A plain assignment to `__proto__` would change the object instead of its members.
    if (value !== NOTHING) {
      Object.defineProperty(target, name as string, { value, writable: true, enumerable: true, configurable: true })
    }
    return !this.#broken
  }

  #element(target: unknown[]): boolean {
    const value = this.#value()
    if (value !== NOTHING) target.push(value)
    return !this.#broken
  }

  #string(): unknown {
    const text = this.#text
    let read = ''
    let from = ++this.#at
    for (;;) {
      const character = text[this.#at]
      if (character === undefined) return this.#break()
      if (character === '"') break
      if (character !== '\\') {
        this.#at++
        continue
      }
      read += text.slice(from, this.#at)
      const escaped = text[this.#at + 1] ?? ''
      const code = escaped === 'u' ? text.slice(this.#at + 2, this.#at + 6) : ''
      if (escaped === '' || (escaped === 'u' && !/^[0-9a-fA-F]{4}$/.test(code))) return this.#break()
      read += code === '' ? (ESCAPES[escaped] ?? escaped) : String.fromCharCode(Number.parseInt(code, 16))
      this.#at += code === '' ? 2 : 6
      from = this.#at
    }
    read += text.slice(from, this.#at)
    this.#at++
    return read
  }

  #number(): unknown {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    // At the very end there may have been more digits.
    if (match === null || NUMBER.lastIndex === this.#text.length) return this.#break()
    this.#at = NUMBER.lastIndex
    return Number(match[0])
  }

  #skipSpace(): void {
    while (' \n\r\t'.includes(this.#text[this.#at] ?? '!')) this.#at++
  }

  #break(): typeof NOTHING {
    this.#broken = true
    return NOTHING
  }
}
