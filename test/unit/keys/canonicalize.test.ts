import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { canonicalBytes } from '../../../src/keys/canonicalize.js'
import { digestOf } from '../../../src/keys/digest.js'
import { keyForm } from '../../../src/keys/key-form.js'

const hex = (value: unknown) => Buffer.from(canonicalBytes(value)).toString('hex')
const refusal = (value: unknown) => {
  try {
    canonicalBytes(value)
  } catch (error) {
    const { code, context, message } = error as { code: string; context: { path: string }; message: string }
    return { code, path: context.path, message }
  }
  throw new Error('expected a refusal')
}
const nested = (levels: number) => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = [value]
  return value
}

describe('equal values', () => {
  it.each([
    ['property order', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
    ['an undefined property and an absent one', { a: 1, b: undefined }, { a: 1 }],
    ['-0 and 0', [-0], [0]],
    ['a null prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [
      'Map order',
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
      new Map([
        ['b', 2],
        ['a', 1],
      ]),
    ],
    [
      'Map order with objects as keys',
      new Map([
        [{ x: 2 }, 1],
        [{ x: 1 }, 2],
      ]),
      new Map([
        [{ x: 1 }, 2],
        [{ x: 2 }, 1],
      ]),
    ],
    ['Set order', new Set([1, 'b', null]), new Set(['b', null, 1])],
    ['lastIndex of a RegExp', Object.assign(/a/g, { lastIndex: 3 }), /a/g],
    [
      'an object of another realm',
      runInNewContext('({ a: [1, new Date(5), new Map([[1, new Uint8Array(2)]])] })'),
      { a: [1, new Date(5), new Map([[1, new Uint8Array(2)]])] },
    ],
    ['a Proxy of plain data', new Proxy({ a: 1 }, {}), { a: 1 }],
    [
      'many properties in another order',
      Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, i])),
      Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${59 - i}`, 59 - i])),
    ],
    ['invalid Dates', new Date('no'), new Date(Number.NaN)],
  ])('%s makes no difference', (_, a, b) => {
    expect(hex(a)).toBe(hex(b))
  })

  it('orders by code unit, so that no locale matters', () => {
    const text = Buffer.from(canonicalBytes({ ä: 1, zz: 2, Zz: 3, '10': 4, '9': 5 })).toString('utf8')
    const places = ['10', '9', 'Zz', 'zz', 'ä'].map((name) => text.indexOf(name))
    expect(places).not.toContain(-1)
    expect(places).toEqual([...places].sort((a, b) => a - b))
  })

  it('lets one object occur twice side by side', () => {
    const shared = { a: 1 }
    expect(hex([shared, shared])).toBe(hex([{ a: 1 }, { a: 1 }]))
  })
})

describe('distinct values', () => {
  class Money {
    readonly cents: number
    constructor(cents: number) {
      this.cents = cents
    }
    [keyForm]() {
      return this.cents
    }
  }
  class Weight {
    readonly grams: number
    constructor(grams: number) {
      this.grams = grams
    }
    [keyForm]() {
      return this.grams
    }
  }
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

  it('never share their bytes', () => {
    const sparse = [1, 2, 3]
    delete sparse[1]
    const values: unknown[] = [
      undefined,
      null,
      true,
      false,
      0,
      1,
      -1,
      0.5,
      2 ** 31,
      2 ** 53,
      Number.NaN,
      Infinity,
      -Infinity,
      0n,
      1n,
      -1n,
      10n,
      '',
      '0',
      '1',
      'null',
      'undefined',
      'true',
      'NaN',
      '\u0000',
      'é',
      'e\u0301',
      '\ud800',
      '\udc00',
      '\ufffd',
      '😀',
      new Date(0),
      new Date(1),
      new Date('no'),
      new Date(0).toISOString(),
      [],
      [undefined],
      [null],
      [[]],
      new Array(1),
      new Array(2),
      sparse,
      [1, undefined, 3],
      ['a', 'b'],
      ['a,b'],
      ['b', 'a'],
      [['a'], 'b'],
      [['a', 'b']],
      ['ab'],
      {},
      { a: undefined, b: null },
      { a: 1 },
      { a: '1' },
      { a: { b: 1 } },
      { 'a.b': 1 },
      { 0: 'a', 1: 'b' },
      { length: 0 },
      JSON.parse('{"__proto__":1}'),
      JSON.parse('{"__proto__":{"a":1}}'),
      new Map(),
      new Map([['a', 1]]),
      new Map([['a', undefined]]),
      new Map([[1, 'a']]),
      new Map([['1', 'a']]),
      new Map([[{}, 1]]),
      [['a', 1]],
      new Set(),
      new Set(['a']),
      new Set([['a']]),
      new Set(['a', 1]),
      bytes,
      new Int8Array(bytes.buffer),
      new Uint8ClampedArray(bytes),
      new Uint16Array(bytes.buffer),
      new Float32Array(bytes.buffer),
      new Float64Array(bytes.buffer),
      new BigInt64Array(bytes.buffer),
      bytes.buffer,
      new DataView(bytes.buffer),
      Buffer.from(bytes),
      bytes.subarray(1),
      new Uint8Array(0),
      Buffer.alloc(0),
      new ArrayBuffer(0),
      [...bytes],
      new URL('https://a.example/'),
      'https://a.example/',
      /a/,
      /a/g,
      /a\/g/,
      '/a/',
      new Money(5),
      new Weight(5),
      new Money(6),
      { cents: 5 },
      5,
      'x'.repeat(64),
      'x'.repeat(65),
      'x'.repeat(5000),
      'ä'.repeat(5000),
      `${'x'.repeat(5000)}\ud800`,
      `${'x'.repeat(5000)}\ufffd`,
    ]
    const seen = new Map(values.map((value) => [hex(value), value]))
    expect(seen.size).toBe(values.length)
  })

  it('are told apart by the value behind a detached buffer, which has none', () => {
    const detached = new Uint8Array(4)
    structuredClone(detached, { transfer: [detached.buffer] })
    expect(refusal({ detached }).path).toBe('$.detached')
  })
})

describe('a value without a canonical form', () => {
  class Plain {}
  class DateOfSorts extends Date {}
  class ArrayOfSorts extends Array {}
  it.each([
    ['a function', { messages: [0, 1, { onToken: () => 0 }] }, '$.messages[2].onToken'],
    ['a symbol', [Symbol('x')], '$[0]'],
    ['a class instance', { a: new Plain() }, '$.a'],
    ['a subclass of Date', { a: new DateOfSorts() }, '$.a'],
    ['a subclass of Array', [new ArrayOfSorts()], '$[0]'],
    ['an Error', { 'odd name': new Error('secret') }, '$["odd name"]'],
    ['a WeakMap', new WeakMap(), '$'],
    ['a Promise', [[Promise.resolve()]], '$[0][0]'],
    ['a boxed primitive', { a: Object('x') }, '$.a'],
    ['a generator', { a: (function* () {})() }, '$.a'],
    [
      'a function in a Map',
      {
        m: new Map<string, unknown>([
          ['a', 1],
          ['b', () => 0],
        ]),
      },
      '$.m[1].value',
    ],
    ['a function as a key of a Map', new Map([[() => 0, 1]]), '$[0].key'],
    ['a symbol in a Set', new Set<unknown>([1, Symbol('x')]), '$[1]'],
    ['a keyForm that is no method', { a: { [keyForm]: 1 } }, '$.a'],
    ['a keyForm that returns a function', { a: { [keyForm]: () => ({ f: () => 0 }) } }, '$.a.f'],
    [
      'a getter that throws',
      {
        a: {
          get b() {
            throw new Error('secret')
          },
        },
      },
      '$.a.b',
    ],
    [
      'a Proxy that throws',
      {
        a: new Proxy(
          {},
          {
            ownKeys() {
              throw new Error('secret')
            },
          },
        ),
      },
      '$.a',
    ],
    ['a revoked Proxy', { a: revoked() }, '$.a'],
    ['65 MiB of text', { a: 'x'.repeat(65 * 1024 * 1024) }, '$.a'],
    ['65 MiB of bytes', { a: [1, Buffer.alloc(65 * 1024 * 1024)] }, '$.a[1]'],
    ['a huge sparse array', { a: new Array(4e9) }, '$.a'],
  ])('is refused with its path: %s', (_, value, path) => {
    const { code, message, ...rest } = refusal(value)
    expect({ code, path: rest.path }).toEqual({ code: 'ERR_KEY_UNSUPPORTED', path })
    expect(message).not.toContain('secret')
  })

  it('is a cycle, but only through an ancestor', () => {
    const cyclic: Record<string, unknown> = { a: { list: [] } }
    ;(cyclic.a as { list: unknown[] }).list.push(cyclic)
    expect(refusal(cyclic)).toMatchObject({ path: '$.a.list[0]', message: expect.stringContaining('a cycle') })
    const own = new Map<unknown, unknown>()
    own.set('x', own)
    expect(refusal(own).path).toBe('$[0].value')
    const form = { [keyForm]: () => form }
    expect(refusal(form).message).toContain('a cycle')
  })

  it('nests deeper than 512 levels, while 512 are fine', () => {
    expect(canonicalBytes(nested(512)).length).toBeGreaterThan(1024)
    expect(refusal(nested(513)).message).toContain('512')
    expect(refusal(nested(100_000)).message).toContain('512')
    const endless = {
      get next() {
        return Object.create(null, Object.getOwnPropertyDescriptors(endless))
      },
    }
    expect(refusal(endless).message).toContain('512')
  })

  it('does not spoil the next key', () => {
    const before = hex({ a: [1, { b: 2 }] })
    refusal({ a: [1, { b: () => 0 }] })
    expect(hex({ a: [1, { b: 2 }] })).toBe(before)
    expect(refusal({ c: () => 0 }).path).toBe('$.c')
  })
})

describe('the reused buffer', () => {
  it('survives a getter that computes another key meanwhile', () => {
    const inner = { x: 'y'.repeat(10_000) }
    const outer = {
      a: 1,
      get b() {
        return digestOf(inner)
      },
      c: [3],
    }
    expect(hex(outer)).toBe(hex({ a: 1, b: digestOf(inner), c: [3] }))
  })

  it('survives a getter whose own key is refused', () => {
    const outer = {
      a: 1,
      get b() {
        return digestOf(() => 0)
      },
    }
    expect(refusal({ outer }).path).toBe('$.outer.b')
    expect(hex({ a: 1 })).toBe(hex({ a: 1 }))
  })

  it('is not kept after a key of several MiB', () => {
    const large = canonicalBytes({ text: 'x'.repeat(3 * 1024 * 1024) })
    expect(large.buffer.byteLength).toBeGreaterThan(3 * 1024 * 1024)
    expect(canonicalBytes(1).buffer.byteLength).toBeLessThan(64 * 1024)
    expect(canonicalBytes({ text: 'x'.repeat(100_000) }).buffer).toBe(canonicalBytes(1).buffer)
  })
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
