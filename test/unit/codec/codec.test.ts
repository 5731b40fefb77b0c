import { randomBytes } from 'node:crypto'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { type Codec, createCodec, type Encoded } from '../../../src/codec/codec.js'
import { keyDigestOf } from '../../../src/codec/entry-header.js'
import { joined } from '../../../src/codec/head-room.js'
import { entryOf, HEADER, isIdentical, KEY, reasonOf, roundTrip, whole } from './support.js'
import { KEPT, nested, REFUSED } from './value-matrix.js'

const secret = { id: '2026-01', key: randomBytes(32) }
const CODECS: ReadonlyArray<readonly [name: string, codec: Codec]> = [
  ['msgpack', createCodec({ compress: false })],
  ['json', createCodec({ format: 'json', compress: false })],
  ['msgpack, compressed', createCodec({ compress: { thresholdBytes: 1 } })],
  ['json, compressed', createCodec({ format: 'json', compress: { thresholdBytes: 1, level: 5 } })],
  ['msgpack, encrypted', createCodec({ compress: { thresholdBytes: 100 }, encryption: { keys: [secret] } })],
]

describe.each(CODECS)('%s', (_name, codec) => {
  test.each(KEPT)('brings %s back as it went in', async (_what, value) => {
    expect(isIdentical(await roundTrip(codec, value), value)).toBe(true)
  })

  test.each(REFUSED)('refuses %s and names the place', async (_what, value, path, received) => {
    const refused = await codec.encode(value, KEY, HEADER)
    expect(refused).toMatchObject({ refused: 'type', path })
    expect((refused as { received: string }).received).toMatch(received)
  })

  test('gives the header back', async () => {
    const decoded = await codec.decode(await entryOf(codec, 1), KEY)
    expect(decoded).toMatchObject({ ok: true, value: 1, header: HEADER })
  })

  test('refuses a cycle, and nesting below the limit', async () => {
    const cycle: unknown[] = []
    cycle.push({ cycle })
    expect(await codec.encode(cycle, KEY, HEADER)).toMatchObject({ refused: 'depth' })
    expect(await codec.encode(nested(513), KEY, HEADER)).toMatchObject({ refused: 'depth' })
    expect(await codec.encode(nested(100_000), KEY, HEADER)).toMatchObject({ refused: 'depth' })
  })

  test('takes objects of another realm for what they are', async () => {
    const value = runInNewContext('({ a: [new Date(5), new Map([[1, new Set([2])]]), /x/g, new Float32Array(2)] })')
    const own = { a: [new Date(5), new Map([[1, new Set([2])]]), /x/g, new Float32Array(2)] }
    expect(isIdentical(await roundTrip(codec, value), own)).toBe(true)
  })

  test('leaves out properties that are not enumerable, such as the request id an SDK hangs on its answers', async () => {
    const answer = Object.defineProperty({ text: 'hi' }, '_request_id', { value: 'req_1', enumerable: false })
    expect(isIdentical(await roundTrip(codec, answer), { text: 'hi' })).toBe(true)
  })

  test('copies an object that is there twice', async () => {
    const shared = { n: 1 }
    expect(await roundTrip(codec, [shared, shared])).toEqual([{ n: 1 }, { n: 1 }])
  })

  test('keeps the prototypes of everything out of reach of stored names', async () => {
    await roundTrip(codec, JSON.parse('{"__proto__":{"polluted":1},"a":{"constructor":{"prototype":{"polluted":1}}}}'))
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('does not hand out memory that it uses again', async () => {
    const first = await entryOf(codec, { a: 'first' })
    const copy = Buffer.from(first)
    await entryOf(codec, { a: 'second' })
    expect(first.equals(copy)).toBe(true)
  })

  test('encodes while a getter of the value encodes another one', async () => {
    const value = {
      before: 'a'.repeat(100),
      get inner() {
        void codec.encode({ other: 'b'.repeat(500) }, KEY, HEADER)
        return 'c'
      },
      after: 'd'.repeat(100),
    }
    const expected = { before: 'a'.repeat(100), inner: 'c', after: 'd'.repeat(100) }
    expect(await roundTrip(codec, value)).toEqual(expected)
  })

  test('bounds a graph whose parts are shared so often that written out it would fill any store', async () => {
    const small = createCodec({ maxBytes: 10_000 })
    let graph: unknown = ['x']
    for (let level = 0; level < 60; level++) graph = [graph, graph]
    expect(small.encode(graph, KEY, HEADER)).toMatchObject({ refused: 'size' })
  })
})

test('a content of some KB has room for its header, so that it is copied no second time to be sent', async () => {
  const { header, body } = (await createCodec().encode({ text: 'x'.repeat(5000) }, KEY, HEADER)) as Encoded
  const sent = joined(header, body as Buffer)
  expect(sent.buffer).toBe(body.buffer)
  expect(await createCodec().decode(sent, KEY)).toMatchObject({ value: { text: 'x'.repeat(5000) } })
})

describe('raw bytes', () => {
  const codec = createCodec()

  test('are sent from where they are, and read where they are', async () => {
    const bytes = Buffer.alloc(500_000, 7)
    const encoded = await codec.encode(bytes, KEY, HEADER)
    if ('refused' in encoded) throw new Error('refused')
    expect(encoded.body.buffer).toBe(bytes.buffer)
    const entry = whole(encoded)
    const decoded = await codec.decode(entry, KEY)
    expect(decoded.ok && (decoded.value as Buffer).buffer === entry.buffer).toBe(true)
  })

  test('other than large Buffers come back with memory of their own', async () => {
    for (const value of [new Uint8Array(100_000), Buffer.alloc(100), new Float32Array(4), new ArrayBuffer(9)]) {
      const entry = await entryOf(codec, value)
      const decoded = await codec.decode(entry, KEY)
      if (!decoded.ok) throw new Error(decoded.reason)
      const { value: back } = decoded
      expect(back instanceof ArrayBuffer ? back : (back as Uint8Array).buffer).not.toBe(entry.buffer)
      if (back instanceof Uint8Array && !Buffer.isBuffer(back)) expect(back.buffer.byteLength).toBe(100_000)
    }
  })

  test('that change before they are sent make a miss, not a wrong value', async () => {
    const bytes = Buffer.alloc(1000)
    const encoded = await codec.encode(bytes, KEY, HEADER)
    bytes[500] = 1
    expect(reasonOf(await codec.decode(whole(encoded), KEY))).toBe('corrupt')
  })
})

describe('compression', () => {
  const text = 'the same words again and again, '.repeat(4000)

  test('starts at the threshold and makes the entry smaller', async () => {
    const codec = createCodec({ compress: { thresholdBytes: 1000 } })
    expect((await entryOf(codec, 'x'.repeat(900))).length).toBeGreaterThan(900)
    expect((await entryOf(codec, 'x'.repeat(1100))).length).toBeLessThan(400)
  })

  test('works off the loop from 64 KiB on, and at once below', async () => {
    const codec = createCodec({ compress: { thresholdBytes: 100 } })
    const small = codec.encode(text.slice(0, 60_000), KEY, HEADER)
    const large = codec.encode(text, KEY, HEADER)
    expect(small).not.toBeInstanceOf(Promise)
    expect(large).toBeInstanceOf(Promise)
    expect(codec.decode(whole(await small), KEY)).not.toBeInstanceOf(Promise)
    const decoded = codec.decode(whole(await large), KEY)
    expect(decoded).toBeInstanceOf(Promise)
    expect(await decoded).toMatchObject({ ok: true, value: text })
  })

  test('is left out where it gains little, and for raw bytes', async () => {
    const codec = createCodec({ compress: { thresholdBytes: 100 } })
    const noise = randomBytes(2000).toString('latin1')
    expect((await entryOf(codec, noise)).length).toBeGreaterThan(2000)
    expect((await entryOf(codec, Buffer.alloc(5000))).length).toBeGreaterThan(5000)
  })

  test('does not mix up what is compressed at the same time', async () => {
    const codec = createCodec({ compress: { thresholdBytes: 100 } })
    const values = Array.from({ length: 8 }, (_, index) => String(index).repeat(100_000))
    const back = await Promise.all(values.map((value) => roundTrip(codec, value)))
    expect(back).toEqual(values)
  })
})

describe('encryption', () => {
  const old = { id: 'old', key: randomBytes(32) }
  const fresh = { id: 'new', key: randomBytes(32) }
  const value = { prompt: 'CANARY', raw: 1 }

  test('hides the value and uses another nonce each time', async () => {
    const codec = createCodec({ encryption: { keys: [old] } })
    const [one, two] = [await entryOf(codec, value), await entryOf(codec, value)]
    expect(one.includes('CANARY')).toBe(false)
    expect(one.equals(two)).toBe(false)
  })

  test('encrypts with the first key and decrypts with all, so that keys can be rotated', async () => {
    const before = await entryOf(createCodec({ encryption: { keys: [old] } }), value)
    const rotated = createCodec({ encryption: { keys: [fresh, old] } })
    expect(await rotated.decode(before, KEY)).toMatchObject({ ok: true, value })
    const after = await entryOf(rotated, value)
    expect(reasonOf(await createCodec({ encryption: { keys: [old] } }).decode(after, KEY))).toBe('decrypt')
    expect(await createCodec({ encryption: { keys: [fresh] } }).decode(after, KEY)).toMatchObject({ ok: true, value })
  })

  test('refuses another key under the same id, no key, and plain entries', async () => {
    const codec = createCodec({ encryption: { keys: [old] } })
    const entry = await entryOf(codec, value)
    const other = createCodec({ encryption: { keys: [{ id: 'old', key: randomBytes(32) }] } })
    expect(reasonOf(await other.decode(entry, KEY))).toBe('decrypt')
    expect(reasonOf(await createCodec().decode(entry, KEY))).toBe('decrypt')
    expect(reasonOf(await codec.decode(await entryOf(createCodec(), value), KEY))).toBe('decrypt')
  })

  test('protects raw bytes too', async () => {
    const codec = createCodec({ encryption: { keys: [old] } })
    const bytes = Buffer.from('CANARY'.repeat(20_000))
    const entry = await entryOf(codec, bytes)
    expect(entry.includes('CANARY')).toBe(false)
    expect(isIdentical(await roundTrip(codec, bytes), bytes)).toBe(true)
  })

  test('is not undone by a caller that overwrites the key it gave', async () => {
    const key = Buffer.alloc(32, 1)
    const codec = createCodec({ encryption: { keys: [{ id: 'k', key }] } })
    const entry = await entryOf(codec, value)
    key.fill(0)
    expect(await codec.decode(entry, KEY)).toMatchObject({ ok: true, value })
    expect(await codec.decode(await entryOf(codec, value), KEY)).toMatchObject({ ok: true, value })
  })
})

describe('limits', () => {
  test('a value above maxBytes is refused, also as raw bytes and as JSON', async () => {
    for (const format of ['msgpack', 'json'] as const) {
      const codec = createCodec({ format, maxBytes: 1000, compress: false })
      expect(await codec.encode('x'.repeat(1001), KEY, HEADER)).toMatchObject({ refused: 'size', path: '$' })
      expect(await codec.encode(['x'.repeat(600), 'x'.repeat(600)], KEY, HEADER)).toMatchObject({ refused: 'size' })
      expect(await codec.encode(Buffer.alloc(1001), KEY, HEADER)).toMatchObject({ refused: 'size' })
      expect(await roundTrip(codec, 'x'.repeat(990))).toBe('x'.repeat(990))
    }
  })

  test('an entry made under larger limits is too large, not a value', async () => {
    const entry = await entryOf(createCodec({ compress: false }), 'x'.repeat(5000))
    const packed = await entryOf(createCodec({ compress: { thresholdBytes: 1 } }), 'x'.repeat(5000))
    const small = createCodec({ maxBytes: 1000 })
    expect(reasonOf(await small.decode(entry, KEY))).toBe('too-large')
    expect(reasonOf(await small.decode(packed, KEY))).toBe('too-large')
  })

  test.each(['msgpack', 'json'] as const)(
    'the largest %s that is written can be read under the same limits',
    async (format) => {
      const codec = createCodec({ format, maxBytes: 300_000, compress: false })
      const parts = [[], {}, { $a: -0 }, new Map([[1, undefined]]), [new Error('x')], Object.create(null), 1n]
      for (const part of [...parts, new Date(1), ',[{'.repeat(20)]) {
        const encoded = await largestAccepted(codec, part)
        expect(reasonOf(await codec.decode(whole(encoded), KEY))).toBe('ok')
      }
    },
  )
})

/** The entry of the longest array of one part that is not refused. */
async function largestAccepted(codec: Codec, part: unknown) {
  let [least, most] = [1, 20_000]
  while (most - least > 1) {
    const middle = (least + most) >> 1
    const encoded = await codec.encode(new Array(middle).fill(part), KEY, HEADER)
    if ('refused' in encoded) most = middle
    else least = middle
  }
  return codec.encode(new Array(least).fill(part), KEY, HEADER)
}

describe('a header', () => {
  const codec = createCodec()

  test.each([
    ['an id of another length', { id: 'short' }, '$header.id'],
    ['an incarnation of another alphabet', { inc: 'é'.repeat(16) }, '$header.inc'],
    ['a fractional sequence number', { startSeq: 1.5 }, '$header.startSeq'],
    ['NaN as an instant', { freshUntilMs: Number.NaN }, '$header.freshUntilMs'],
    ['half a surrogate pair in a tag', { tags: ['ok', '\ud800'] }, '$header.tags[1]'],
    ['more tags than fit', { tags: Array.from({ length: 8000 }, (_, index) => `tag:${index}`) }, '$header.tags'],
  ])('with %s is refused, not thrown', async (_what, change, path) => {
    expect(await codec.encode(1, KEY, { ...HEADER, ...change })).toMatchObject({ refused: 'header', path })
  })

  test('of another key is refused', async () => {
    const entry = await entryOf(codec, 'secret of user 1')
    expect(reasonOf(await codec.decode(entry, keyDigestOf('p:user:2')))).toBe('key')
  })
})
