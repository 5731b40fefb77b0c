import { createContext, runInContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { copyOf, own, ownDecoded } from '../../../src/cache/ownership.js'
import { createCodec } from '../../../src/codec/codec.js'

const codec = createCodec()
const DIGEST = new Uint8Array(16)
const HEADER = {
  id: 'a'.repeat(16),
  inc: '',
  startSeq: 0,
  tags: [],
  storedAtMs: 0,
  freshUntilMs: 1,
  staleForMs: 0,
  errorForMs: 0,
  loadMs: 0,
}
const realm = createContext({})
const foreign = (code: string): unknown => runInContext(code, realm)

class Thing {
  a = 1
}
class MyMap extends Map {}
class MyDate extends Date {}
class MyArray extends Array {}
class MyBytes extends Uint8Array {}
class MyError extends Error {}

/** Not in the library the types are of. */
const resizable = (): ArrayBuffer =>
  new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(4, { maxByteLength: 8 })
const named = (array: unknown[]) => Object.assign(array, { index: 0 })
const withSymbol = (value: object) => Object.assign(value, { [Symbol('s')]: 1 })
const errorWith = (fields: object) => Object.assign(new Error('x'), fields)
const Float16 = (globalThis as { Float16Array?: new (n: number) => object }).Float16Array
function argumentsObject(..._: number[]): IArguments {
  // biome-ignore lint/complexity/noArguments: this is about arguments objects.
  return arguments
}

/** Values at the edges of what is kept, each alone and inside others. */
const CATALOGUE: readonly (readonly [string, () => unknown])[] = [
  ['a record', () => ({ a: 1, b: 'x', c: undefined })],
  ['an object without a prototype', () => Object.assign(Object.create(null), { a: 1 })],
  ['an array with holes', () => Object.assign([1], { 2: 3 })],
  ['an array with a name', () => named([1, 2])],
  ['a RegExp match', () => 'abc'.match(/b/)],
  ['a template array', () => ((strings: TemplateStringsArray) => strings)`a`],
  ['a sparse array with a far index', () => Object.assign([], { 5000: 1 })],
  ['a subclass of Array', () => new MyArray()],
  ['a Date', () => new Date(5)],
  ['an invalid Date', () => new Date(Number.NaN)],
  ['a Date with a property', () => Object.assign(new Date(5), { zone: 'x' })],
  ['a subclass of Date', () => new MyDate()],
  ['a Map', () => new Map([[{ a: 1 }, new Set([1])]])],
  ['a Map with a property', () => Object.assign(new Map(), { a: 1 })],
  ['a subclass of Map', () => new MyMap()],
  ['a false Map', () => Object.create(Map.prototype)],
  ['a Set with a function', () => new Set([() => 1])],
  ['a RegExp in the middle of a text', () => Object.assign(/a/g, { lastIndex: 2 })],
  ['a RegExp with a property', () => Object.assign(/a/, { a: 1 })],
  ['a URL', () => new URL('https://example.org/?q=1#x')],
  ['URLSearchParams', () => new URLSearchParams('a=1')],
  ['an Error with a cause and fields', () => errorWith({ code: 'E', cause: new TypeError('y') })],
  ['an Error with a function', () => errorWith({ retry: () => 1 })],
  ['a subclass of Error', () => new MyError('x')],
  ['a DOMException', () => new DOMException('x', 'AbortError')],
  ['an AggregateError', () => new AggregateError([new Error('a')], 'x')],
  ['a false Error', () => Object.create(Error.prototype)],
  ['a Buffer', () => Buffer.from('abc')],
  ['a Uint8Array', () => new Uint8Array([1, 2])],
  ['a Float64Array', () => new Float64Array([1.5])],
  ['a BigUint64Array', () => new BigUint64Array([1n])],
  ...(Float16 === undefined ? [] : [['a Float16Array', () => new Float16(2)] as const]),
  ['a DataView', () => new DataView(new ArrayBuffer(4), 1)],
  ['an ArrayBuffer', () => new ArrayBuffer(4)],
  ['an ArrayBuffer with a property', () => Object.assign(new ArrayBuffer(4), { a: 1 })],
  ['a resizable ArrayBuffer', () => resizable()],
  ['bytes over resizable memory', () => new Uint8Array(resizable())],
  ['a SharedArrayBuffer', () => new SharedArrayBuffer(4)],
  ['bytes over shared memory', () => new Uint8Array(new SharedArrayBuffer(4))],
  ['a subclass of Uint8Array', () => new MyBytes(2)],
  ['a Blob', () => new Blob(['abc'])],
  ['a class instance', () => new Thing()],
  ['an object that inherits from one', () => Object.create({ a: 1 })],
  ['a property named by a symbol', () => withSymbol({ a: 1 })],
  ['a hidden property named by a symbol', () => Object.defineProperty({}, Symbol('s'), { value: 1 })],
  ['an object with a tag of its own', () => ({ [Symbol.toStringTag]: 'Map' })],
  ['an arguments object', () => argumentsObject(1, 2)],
  ['a getter', () => Object.defineProperty({}, 'a', { get: () => 1, enumerable: true })],
  ['a getter that throws', () => Object.defineProperty({}, 'a', { get: () => JSON.parse('{'), enumerable: true })],
  ['a Proxy that throws', () => new Proxy({}, { ownKeys: () => JSON.parse('{') })],
  ['a function', () => () => 1],
  ['a symbol', () => Symbol('x')],
  ['a boxed string', () => new String('x')],
  ['a WeakMap', () => new WeakMap()],
  ['a promise', () => Promise.resolve(1)],
  ['a generator', () => (function* () {})()],
  ['a bigint', () => 2n ** 70n],
  ['odd numbers', () => [Number.NaN, -0, Infinity]],
  ['a lone surrogate', () => '\ud800'],
  ['an own __proto__', () => JSON.parse('{"__proto__":{"a":1}}')],
  ['the intrinsic Math', () => Math],
  ['the global object', () => globalThis],
  ['a record of another realm', () => foreign('({ a: [1, new Date(5)] })')],
  ['a Map of another realm', () => foreign('new Map([[1, new Set([2])]])')],
  ['a RegExp of another realm', () => foreign('/a/g')],
  ['bytes of another realm', () => foreign('new Uint8Array([1])')],
  ['an Error of another realm', () => foreign('new Error("x")')],
  ['a class instance of another realm', () => foreign('new (class Map {})()')],
]

const wraps: readonly (readonly [string, (value: unknown) => unknown])[] = [
  ['', (value) => value],
  [' in a record', (value) => ({ value })],
  [' in a list', (value) => [0, value]],
  [' in a Map', (value) => new Map([['key', value]])],
  [' as a cause', (value) => Object.assign(new Error('x'), { cause: value })],
]

const limits = { maxBytes: 1e6 }
const accepts = (value: unknown, isolation: 'freeze' | 'clone', copy: boolean): boolean =>
  !('refused' in own(value, { ...limits, isolation, copy }))

describe('memory and a shared store keep the same values', () => {
  const cases = CATALOGUE.flatMap(([name, make]) =>
    wraps.map(([where, wrap]) => [name + where, () => wrap(make())] as const),
  )
  it.each(cases)('%s', async (_name, make) => {
    const encoded = await codec.encode(make(), DIGEST, HEADER)
    const kept = !('refused' in encoded)
    expect(accepts(make(), 'freeze', false)).toBe(kept)
    expect(accepts(make(), 'freeze', true)).toBe(kept)
    expect(accepts(make(), 'clone', true)).toBe(kept)
  })

  it.each(cases)('%s: a copy has the same stored form', async (_name, make) => {
    const value = make()
    const encoded = await codec.encode(value, DIGEST, HEADER)
    if ('refused' in encoded) return
    const again = await codec.encode(copyOf(value), DIGEST, HEADER)
    expect('refused' in again ? again : Buffer.compare(again.body, encoded.body)).toBe(0)
  })
})

describe('a value read from stored bytes', () => {
  const PLAIN: readonly (readonly [string, () => unknown])[] = [
    ...CATALOGUE,
    ['numbers of all lengths', () => [0, -1, 200, 70_000, 2 ** 31, 1.5, -0, 12n, -(2n ** 90n)]],
    ['texts of all kinds', () => ['', 'short', 'é', '\ud800', 'x'.repeat(300), 'й'.repeat(50_000)]],
    ['names of all kinds', () => ({ '': 1, é: 2, '\ud800': 3, ['n'.repeat(40)]: 4, ['__proto__']: 5 })],
    ['many members', () => Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, [{ index }]]))],
  ]

  it.each(PLAIN)('is taken over as by a walk, or walked: %s', async (_name, make) => {
    const value = { it: make(), after: null }
    const walked = own({ it: make(), after: null }, { isolation: 'freeze', copy: false, maxBytes: Infinity })
    const encoded = await codec.encode(value, DIGEST, HEADER)
    if ('refused' in encoded || 'refused' in walked) return expect(walked).toHaveProperty('refused')
    const decoded = await codec.decode(Buffer.concat([encoded.header, encoded.body]), DIGEST)
    if (!decoded.ok) throw new Error(decoded.reason)
    const taken = ownDecoded(decoded.value, decoded.shape, 'freeze')
    if (walked.handOut === 'copy') return expect(taken).toBeUndefined()
    expect(taken).toEqual({ value: decoded.value, bytes: walked.bytes, handOut: 'same' })
    expect(everyObjectIn(decoded.value).every(Object.isFrozen)).toBe(true)
  })

  it.each([
    ...PLAIN.map(([name, make]) => [name, make, false] as const),
    ['plain JSON', () => ({ a: [1, true, null, 'ü', { b: {} }], c: 'costs $5', '': [] }), true] as const,
  ])('in JSON is taken over as by a walk, or walked: %s', async (_name, make, isTaken) => {
    const jsonCodec = createCodec({ format: 'json' })
    const walked = own({ it: make() }, { isolation: 'freeze', copy: false, maxBytes: Infinity })
    const encoded = await jsonCodec.encode({ it: make() }, DIGEST, HEADER)
    if ('refused' in encoded || 'refused' in walked) return expect(walked).toHaveProperty('refused')
    const decoded = await jsonCodec.decode(Buffer.concat([encoded.header, encoded.body]), DIGEST)
    if (!decoded.ok) throw new Error(decoded.reason)
    const taken = ownDecoded(decoded.value, decoded.shape, 'freeze')
    if (taken === undefined) return expect(isTaken).toBe(false)
    expect(taken).toEqual({ value: decoded.value, bytes: walked.bytes, handOut: 'same' })
    expect(everyObjectIn(decoded.value).every(Object.isFrozen)).toBe(true)
  })

  it.each(['clone', 'share'] as const)('is walked where nothing is frozen: %s', async (isolation) => {
    const encoded = await codec.encode({ a: 1 }, DIGEST, HEADER)
    if ('refused' in encoded) throw new Error(encoded.refused)
    const decoded = await codec.decode(Buffer.concat([encoded.header, encoded.body]), DIGEST)
    if (!decoded.ok) throw new Error(decoded.reason)
    expect(ownDecoded(decoded.value, decoded.shape, isolation)).toBeUndefined()
    expect(Object.isFrozen(decoded.value)).toBe(false)
  })
})

function everyObjectIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return []
  return [value, ...Object.values(value).flatMap(everyObjectIn)]
}

describe('what is counted', () => {
  it('is the content of a Blob that is shared', () => {
    const owned = own(new Blob(['x'.repeat(5000)]), { ...limits, isolation: 'share', copy: false })
    expect(owned).toMatchObject({ handOut: 'same' })
    expect('bytes' in owned && owned.bytes).toBeGreaterThan(5000)
    expect(own(new Blob(['x'.repeat(5000)]), { maxBytes: 4000, isolation: 'share', copy: false })).toMatchObject({
      refused: 'size',
    })
  })
})
