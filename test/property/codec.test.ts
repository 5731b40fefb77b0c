import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCodec } from '../../src/codec/codec.js'
import { entryOf, HEADER, isIdentical, KEY } from '../unit/codec/support.js'

const { SCALE, SEED } = process.env
const runs = SCALE === 'full' ? 100_000 : Number(SCALE ?? 2_000)
const seed = Number(SEED ?? Date.now() % 2 ** 31)
const MINUTES = 60_000

const name = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
  fc.constantFrom('__proto__', 'constructor', 'toJSON', '$', '$$', '$date', '$map', '0', '10', '-1', 'then', '\ud800'),
  fc.integer({ min: 20, max: 300 }).map((length) => 'n'.repeat(length)),
)
const text = fc.oneof(
  name,
  fc
    .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 120 }))
    .map(([a, n]) => a.repeat(n)),
  fc.tuple(fc.constantFrom('é', '日', '😀', '\ud800', '\udc00'), fc.nat(300)).map(([a, n]) => 'x'.repeat(n) + a),
)
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array)),
  fc.uint8Array({ maxLength: 20 }).map((array) => array.slice().buffer),
  fc.uint8Array({ maxLength: 20 }).map((array) => new DataView(array.slice().buffer)),
  fc.float32Array({ maxLength: 5 }),
  fc.float64Array({ maxLength: 5 }),
  fc.int16Array({ maxLength: 5 }),
  fc.bigInt64Array({ maxLength: 5 }),
)
const scalar = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom<unknown>(null, undefined, -0, Number.NaN, Infinity, -Infinity),
  fc.date({ noInvalidDate: false }),
  bytes,
  fc.constantFrom<unknown>(/a/g, new URL('http://x/?q=ü'), new Error('e')),
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 6 }),
    fc.sparseArray(tie('value'), { maxNumElements: 4, maxLength: 8 }),
    fc.dictionary(name, tie('value'), { maxKeys: 20, noNullPrototype: false }),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 5 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 5 }).map((items) => new Set(items)),
    fc
      .tuple(text, tie('value'))
      .map(([message, cause]) => Object.assign(new TypeError(message, { cause }), { code: cause })),
  ),
}))

test.each([
  ['msgpack', createCodec({ compress: false })],
  ['json', createCodec({ format: 'json', compress: { thresholdBytes: 200 } })],
] as const)(
  'every value of the closed list comes back from %s identical',
  async (_name, codec) => {
    const property = fc.asyncProperty(value, async (original) => {
      const decoded = await codec.decode(await entryOf(codec, original), KEY)
      expect(decoded.ok && isIdentical(decoded.value, original)).toBe(true)
    })
    await fc.assert(property, { numRuns: runs, seed })
  },
  20 * MINUTES,
)

test(
  'whatever is not refused comes back identical',
  async () => {
    const codec = createCodec()
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withObjectString: true,
      withSparseArray: true,
      withTypedArray: true,
      withBoxedValues: true,
    })
    const property = fc.asyncProperty(anything, async (original) => {
      const encoded = await codec.encode(original, KEY, HEADER)
      if ('refused' in encoded) return
      const decoded = await codec.decode(Buffer.concat([encoded.header, encoded.body]), KEY)
      expect(decoded.ok && isIdentical(decoded.value, original)).toBe(true)
    })
    await fc.assert(property, { numRuns: runs, seed })
  },
  20 * MINUTES,
)
