/** Values that have to come back the same, by what they show. */
export const KEPT: ReadonlyArray<readonly [name: string, value: unknown]> = [
  ['null', null],
  ['undefined inside', { a: undefined, b: [undefined] }],
  ['zero', 0],
  ['minus zero', -0],
  ['minus zero inside', [{ a: -0 }]],
  ['an empty text', ''],
  ['false', false],
  ['true', true],
  ['NaN', Number.NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['whole numbers at the edges of their forms', edges()],
  ['fractions', [0.1, -1.5, 5e-324, Number.MAX_VALUE, Number.EPSILON]],
  ['a bigint', 12345678901234567890n],
  ['bigints', [0n, -1n, 255n, -256n, 2n ** 64n, -(2n ** 200n), 10n ** 400n, -(10n ** 400n)]],
  ['an ASCII text', 'hello'],
  ['texts at the edges of their forms', [31, 32, 85, 86, 255, 256, 21845, 21846, 70000].map((n) => 'x'.repeat(n))],
  ['Latin-1', ['é', 'Größe'.repeat(20), '\u0080\u00ff'.repeat(200)]],
  [
    'texts beyond Latin-1',
    ['日本語', '—', `an answer — with a dash ${'x'.repeat(300)}`, '日本'.repeat(500), '😀'.repeat(300)],
  ],
  ['lone surrogates', ['\ud800', 'a\udfffb', '\udc00\ud800', `${'x'.repeat(400)}\ud83d`]],
  ['the replacement character', ['\ufffd', `${'x'.repeat(400)}\ufffd`, `${'x'.repeat(400)}\ufffd\udc00`]],
  ['control characters', '\u0000\u0001\u001f\u007f\u2028\u2029\ufeff'],
  ['a Date', new Date(1_700_000_000_123)],
  ['Dates at the edges', [new Date(0), new Date(-1), new Date(8.64e15), new Date(-8.64e15), new Date(Number.NaN)]],
  [
    'a Map',
    new Map<unknown, unknown>([
      ['a', 1],
      [{ b: 2 }, new Set([1])],
      [Number.NaN, -0],
      [undefined, null],
    ]),
  ],
  ['an empty Map', new Map()],
  ['a Set', new Set<unknown>([1, '1', 1n, null, undefined, Number.NaN, [1], new Date(5)])],
  ['an empty Set', new Set()],
  ['nested collections', new Map([[new Map([[1, 2]]), new Set([new Set([new Map()])])]])],
  ['an array with holes', holed()],
  ['an array of holes', new Array(3)],
  ['an empty array and an empty object', [[], {}]],
  ['an object without a prototype', Object.assign(Object.create(null), { a: 1, nested: Object.create(null) })],
  [
    'an own property named __proto__',
    JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":1}}}'),
  ],
  ['the order of properties', { z: 1, a: 2, 10: 3, 2: 4, '-1': 5, '': 6 }],
  ['properties named as tags', { $date: 'x', $: 1, $$map: [], $bytes: { $undefined: true } }],
  ['a property named as a tag, alone', { $date: '2020-01-01T00:00:00.000Z' }],
  ['names of all forms', { é: 1, 日本: 2, '\ud800': 3, [`long ${'n'.repeat(300)}`]: 4 }],
  ['many properties', Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`p${index}`, index]))],
  ['many elements', Array.from({ length: 70_000 }, (_, index) => index)],
  ['a Buffer', Buffer.from([0, 1, 255])],
  ['an empty Buffer', Buffer.alloc(0)],
  ['a Buffer inside', { body: Buffer.from('hello') }],
  ['a large Buffer inside', { body: Buffer.alloc(100_000, 7) }],
  ['a Uint8Array', Uint8Array.of(1, 2, 3)],
  ['typed arrays', typedArrays()],
  ['an ArrayBuffer', Uint8Array.of(1, 2).buffer],
  ['a DataView', new DataView(Uint8Array.of(9, 8, 7).buffer, 1, 2)],
  ['a Float32Array with NaN and -0', Float32Array.of(Number.NaN, -0, Infinity, 1.5)],
  ['an Error', new Error('broken')],
  [
    'a TypeError with a code and a cause',
    Object.assign(new TypeError('x', { cause: new RangeError('y') }), { code: 'E_X' }),
  ],
  ['an Error without a message or a stack', bareError()],
  ['all error classes', [SyntaxError, ReferenceError, EvalError, URIError].map((Class) => new Class('z'))],
  ['a RegExp', /a[b-d]+\/"/giu],
  ['a RegExp on its way', sticky()],
  ['a URL', new URL('https://user@example.com:8080/päth?q=ü#f')],
  [
    'an answer',
    { id: 'a', choices: [{ text: 'x'.repeat(20_000), logprobs: null }], usage: { tokens: 12 }, at: new Date(1) },
  ],
  ['nesting down to the limit', nested(511)],
]

/** Values that no tier brings back, with the path to what is wrong. */
export const REFUSED: ReadonlyArray<readonly [name: string, value: unknown, path: string, received: RegExp]> = [
  ['a function', () => 1, '$', /a function/],
  ['a symbol', Symbol('x'), '$', /a symbol/],
  ['a function inside', { items: [0, { onClick() {} }] }, '$.items[1].onClick', /a function/],
  ['a class instance', { a: new (class Money {})() }, '$.a', /an instance of Money/],
  ['an odd name', { 'a b': Symbol('x') }, '$["a b"]', /a symbol/],
  ['a Promise', Promise.resolve(1), '$', /an instance of Promise/],
  ['a WeakMap', [new WeakMap()], '$[0]', /an instance of WeakMap/],
  ['a boxed number', Object(1), '$', /an instance of Number/],
  ['a subclass of Map', new (class Bag extends Map {})(), '$', /an instance of Bag/],
  ['a subclass of Array', new (class List extends Array {})(), '$', /an instance of List/],
  ['a subclass of Error', new (class Oops extends Error {})(), '$', /an instance of Oops/],
  ['a subclass of Uint8Array', new (class Bytes extends Uint8Array {})(2), '$', /an instance of Bytes/],
  ['an AggregateError', new AggregateError([], 'x'), '$', /an instance of AggregateError/],
  ['a Date with properties', Object.assign(new Date(0), { zone: 'utc' }), '$', /an instance of Date/],
  ['a Map with properties', Object.assign(new Map(), { extra: 1 }), '$', /an instance of Map/],
  ['a match of a RegExp', /a/.exec('cat'), '$', /an array with properties/],
  [
    'an array with a property named as a large number',
    Object.assign([1], { '4294967295': 2 }),
    '$',
    /an array with properties/,
  ],
  ['a property named by a symbol', { a: { [Symbol('s')]: 1 } }, '$.a', /named by a symbol/],
  ['an arguments object', args(1, 2), '$', /an arguments object/],
  ['Math', { Math }, '$.Math', /named by a symbol/],
  ['shared memory', new Uint8Array(new SharedArrayBuffer(2)), '$', /shared memory/],
  ['resizable memory', resizable(), '$', /resizable memory/],
  ['a key of a Map', new Map([[() => 1, 1]]), '$.(key)', /a function/],
  ['a value of a Map', new Map([[1, () => 1]]), '$.(value)', /a function/],
  ['an item of a Set', new Set([() => 1]), '$.(item)', /a function/],
  ['the cause of an Error', new Error('x', { cause: () => 1 }), '$.cause', /a function/],
  ['a getter that throws', throwing(), '$.deep', /throws when it is read/],
]

/** `depth` objects, one in the other. */
export function nested(depth: number): unknown {
  let value: unknown = 'end'
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

function edges(): number[] {
  const around = [2 ** 5, 2 ** 7, 2 ** 8, 2 ** 15, 2 ** 16, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]
  return around.flatMap((edge) => [edge - 1, edge, edge + 1, -edge - 1, -edge, -edge + 1])
}

function holed(): unknown[] {
  const array: unknown[] = []
  array[1] = 'a'
  array[3] = undefined
  array.length = 6
  return array
}

function typedArrays(): unknown[] {
  const bytes = () => Uint8Array.from({ length: 16 }, (_, index) => index * 17).buffer
  return [
    new Int8Array(bytes()),
    new Uint8ClampedArray(bytes()),
    new Int16Array(bytes()),
    new Uint16Array(bytes(), 2, 3),
    new Int32Array(bytes()),
    new Uint32Array(bytes()),
    new Float32Array(bytes()),
    new Float64Array(bytes()),
    new BigInt64Array(bytes()),
    new BigUint64Array(bytes()),
    new Float64Array(0),
  ]
}

function bareError(): Error {
  const error = new Error()
  for (const name of Object.getOwnPropertyNames(error)) Reflect.deleteProperty(error, name)
  return error
}

function sticky(): RegExp {
  const pattern = /a/y
  pattern.lastIndex = 3
  return pattern
}

function args(..._items: number[]): unknown {
  // biome-ignore lint/complexity/noArguments: the object itself is the test
  return arguments
}

function resizable(): unknown {
  const Resizable = ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer
  return new Uint8Array(new Resizable(2, { maxByteLength: 8 }))
}

function throwing(): unknown {
  return {
    get deep() {
      throw new Error('secret')
    },
  }
}
