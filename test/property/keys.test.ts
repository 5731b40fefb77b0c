import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { diffKeys } from '../../src/keys/diff-keys.js'
import { digestOf } from '../../src/keys/digest.js'
import { explainKey } from '../../src/keys/explain.js'
import { argumentsInput, createKeyer } from '../../src/keys/key.js'

const { SCALE, SEED } = process.env
const tuples = SCALE === 'full' ? 1_000_000 : Number(SCALE ?? 20_000)
const seed = Number(SEED ?? Date.now() % 2 ** 31)
const MINUTES = 60_000

// Small alphabets and ranges, so that tuples that almost agree are common.
const character = fc.constantFrom(
  'a',
  'b',
  ':',
  '~',
  '%',
  '@',
  '{',
  '*',
  ',',
  '"',
  '\\',
  ' ',
  '\u0000',
  '\u0001',
  '\u0002',
  'é',
  '\ud800',
  '😀',
  '__proto__',
  '~n1',
  '~fn.a',
)
const text = fc.oneof(
  { weight: 6, arbitrary: fc.array(character, { maxLength: 4 }).map((list) => list.join('')) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(character, fc.constantFrom(43, 63, 64, 65, 128, 129, 300)).map(([c, n]) => c.repeat(n)),
  },
)
const scalar = fc.oneof(
  text,
  fc.integer({ min: -3, max: 3 }),
  fc.integer({ min: -3, max: 3 }).map(String),
  fc.double(),
  fc.bigInt({ min: -3n, max: 3n }),
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    false,
    Number.NaN,
    'null',
    'true',
    2 ** 31,
    2 ** 32,
    -(2 ** 31),
    2n ** 300n,
  ),
)
const bytes = fc.uint8Array({ maxLength: 3 })
const leaf = fc.oneof(
  { weight: 8, arbitrary: scalar },
  { weight: 1, arbitrary: fc.date({ noInvalidDate: false }) },
  { weight: 1, arbitrary: bytes },
  { weight: 1, arbitrary: bytes.map((list) => Buffer.from(list)) },
  { weight: 1, arbitrary: bytes.map((list) => Int8Array.from(list)) },
  { weight: 1, arbitrary: bytes.map((list) => Uint8Array.from(list).buffer) },
  { weight: 1, arbitrary: bytes.map((list) => new DataView(Uint8Array.from(list).buffer)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(/a/, /a/g, new URL('https://a.example'), new URL('https://b.example')),
  },
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 6, arbitrary: leaf },
    { weight: 2, arbitrary: fc.dictionary(text, tie('value'), { maxKeys: 4 }) },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.sparseArray(tie('value'), { maxNumElements: 2, maxLength: 4 }) },
    {
      weight: 1,
      arbitrary: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((list) => new Map(list)),
    },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }).map((list) => new Set(list)) },
  ),
}))
const tuple = fc.array(value, { maxLength: 4 })

const keyer = createKeyer<readonly unknown[]>({ namespace: 'n', parts: (parts) => parts })
const single = createKeyer<unknown>({ namespace: 'n' })

beforeAll(() => {
  console.log(`keys: ${tuples} tuples, SEED=${seed}`)
})

describe('over random typed tuples', () => {
  it('no two share a key, and no order of properties, entries or members makes another', {
    timeout: 60 * MINUTES,
  }, () => {
    const seen = new Map<string, string>()
    let distinct = 0
    fc.assert(
      fc.property(tuple, (parts) => {
        const id = keyer.id(parts)
        expect(keyer.id(reordered(parts) as unknown[])).toBe(id)
        const meaning = fingerprint(reference(parts))
        const known = seen.get(id)
        if (known === undefined) {
          seen.set(id, meaning)
          distinct++
        } else if (known !== meaning) throw new Error(`one key, two meanings: ${known} and ${meaning}`)
      }),
      { numRuns: tuples, seed, endOnFailure: SCALE === 'full' },
    )
    expect(new Set(seen.values()).size).toBe(seen.size)
    console.log(`keys: ${distinct} distinct tuples, no collision`)
  })

  it('every form of an id maps to one text and back', { timeout: MINUTES }, () => {
    const byId = new Map<string, string>()
    const byText = new Map<string, string>()
    const name = fc.option(fc.constantFrom('f', 'g', 'f:~fn.g', ''), { nil: undefined })
    const scope = fc.option(text, { nil: undefined })
    fc.assert(
      fc.property(value, name, scope, (input, called, partition) => {
        const id = (called === undefined ? single : single.named(called)).id(input, partition)
        const meaning = fingerprint(reference([input, called, partition]))
        const stored = single.text(id)
        expect(byId.get(id) ?? meaning).toBe(meaning)
        expect(byText.get(stored) ?? meaning).toBe(meaning)
        expect(stored).toMatch(/^hopstash:n:v1:[\w.@+/=,:%~-]+$/)
        byId.set(id, meaning)
        byText.set(stored, meaning)
      }),
      { numRuns: Math.min(tuples, 50_000), seed },
    )
  })

  it('explainKey and diffKeys agree with the digest', { timeout: MINUTES }, () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const equal = digestOf(a) === digestOf(b)
        expect(explainKey(a).canonical === explainKey(b).canonical).toBe(equal)
        expect(diffKeys(a, b).length === 0).toBe(equal)
        expect(diffKeys(a, reordered(a))).toEqual([])
      }),
      { numRuns: Math.min(tuples, 10_000), seed },
    )
  })

  it('the arguments of a function keep their differences', { timeout: MINUTES }, () => {
    const seen = new Map<string, string>()
    fc.assert(
      fc.property(tuple, (args) => {
        const trimmed = [...args]
        while (trimmed.length > 0 && trimmed.at(-1) === undefined) trimmed.pop()
        const id = single.id(argumentsInput(args))
        const meaning = fingerprint(reference(trimmed))
        expect(seen.get(id) ?? meaning).toBe(meaning)
        seen.set(id, meaning)
      }),
      { numRuns: Math.min(tuples, 50_000), seed },
    )
  })
})

/** The same value with everything whose order means nothing turned round. */
function reordered(input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input === 0 ? -input : input
  if (Array.isArray(input)) {
    const copy = new Array(input.length)
    for (const index of input.keys()) if (index in input) copy[index] = reordered(input[index])
    return copy
  }
  if (input instanceof Map)
    return new Map([...input].reverse().map(([key, entry]) => [reordered(key), reordered(entry)]))
  if (input instanceof Set) return new Set([...input].reverse().map(reordered))
  const prototype = Object.getPrototypeOf(input)
  if (prototype !== Object.prototype && prototype !== null) return input
  const copy = Object.create(null)
  copy.padding = undefined
  for (const [name, property] of Object.entries(input).reverse()) copy[name] = reordered(property)
  return copy
}

/** What a value means, said another way than by the code under test: as text, every level delimited by JSON. */
function reference(input: unknown): string {
  if (typeof input === 'string') return JSON.stringify(['string', input])
  if (typeof input === 'number') return JSON.stringify(['number', String(input)])
  if (typeof input === 'bigint') return JSON.stringify(['bigint', String(input)])
  if (typeof input !== 'object' || input === null) return JSON.stringify([typeof input, String(input)])
  if (Array.isArray(input)) {
    return JSON.stringify([
      'array',
      Array.from(input, (element, index) => (index in input ? reference(element) : 'hole')),
    ])
  }
  if (input instanceof Map)
    return JSON.stringify(['map', [...input].map((entry) => JSON.stringify(entry.map(reference))).sort()])
  if (input instanceof Set) return JSON.stringify(['set', [...input].map(reference).sort()])
  if (input instanceof Date) return JSON.stringify(['date', String(input.getTime())])
  if (input instanceof RegExp || input instanceof URL) return JSON.stringify([input.constructor.name, String(input)])
  if (input instanceof ArrayBuffer) return JSON.stringify(['bytes', 'ArrayBuffer', [...new Uint8Array(input)]])
  if (ArrayBuffer.isView(input)) {
    const raw = new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
    return JSON.stringify(['bytes', input.constructor.name, [...raw]])
  }
  const properties = Object.entries(input).filter(([, property]) => property !== undefined)
  return JSON.stringify([
    'object',
    properties.map(([name, property]) => JSON.stringify([name, reference(property)])).sort(),
  ])
}

/** A short stand-in for a long reference, so that a million of them fit in memory. */
function fingerprint(meaning: string): string {
  return meaning.length > 60 ? `#${sha(meaning)}` : meaning
}

// Over the UTF-8 of JSON text, in which lone surrogates are escaped: unlike a canonical form of this package.
function sha(meaning: string): string {
  return createHash('sha256').update(meaning).digest('base64')
}
