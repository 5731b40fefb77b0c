import { brotliCompressSync, constants, deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createCodec } from '../../../src/codec/codec.js'
import { forged, KEY, reasonOf } from './support.js'

const codec = createCodec()
const MIB = 1024 * 1024

/** Hexadecimal digits as bytes. */
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('MessagePack that no codec of this package writes is a miss', () => {
  test.each([
    ['nothing', ''],
    ['a token that means nothing', 'c1'],
    ['plain binary', 'c4 01 00'],
    ['a float of 32 bits', 'ca 00 00 00 00'],
    ['an integer of 64 bits', 'cf 00 00 00 00 00 00 00 01'],
    ['a timestamp of the standard', 'd6 ff 00 00 00 00'],
    ['two values', '01 02'],
    ['a text cut short', 'a5 61'],
    ['a text longer than the body', 'db ff ff ff ff 61'],
    ['an array longer than the body', 'dd ff ff ff ff 01'],
    ['properties more than the body', 'df ff ff ff ff a1 61 01'],
    ['a property named by a number', '81 01 02'],
    ['a property named by undefined', '81 c7 00 00 01'],
    ['a hole outside an array', '81 a1 61 c7 00 01'],
    ['a hole alone', 'c7 00 01'],
    ['an unknown extension', 'c7 00 63'],
    ['an extension cut short', 'c7 09 05 00'],
    ['an extension longer than its value', 'c7 09 05 00 00 00 00 00 00 00 00 00'],
    ['an extension shorter than its value', 'c7 01 07 00 00 00 00'],
    ['a Map with more entries than the body', 'c7 04 07 ff ff ff ff'],
    ['a Set with more items than the body', 'c7 04 08 7f ff ff ff'],
    ['a bigint without digits', 'c7 01 04 00'],
    ['a bigint of a third sign', 'c7 02 04 02 01'],
    ['bytes without a kind', 'c7 00 06'],
    ['bytes of an unknown kind', 'c7 02 06 63 00'],
    ['a Float64Array of three bytes', 'c7 04 06 0b 00 00 00'],
    ['an Error of an unknown class', 'c7 05 0a 63 00 00 00 00'],
    ['a RegExp that is none', 'c7 04 0b a1 28 a0 00'],
    ['a RegExp with an unknown flag', 'c7 05 0b a1 61 a1 71 00'],
    ['a URL that is none', 'c7 02 0c a1 61'],
    ['a URL of another form', 'c7 09 0c a8 68 74 74 70 3a 2f 2f 61'],
  ])('%s', async (_what, digits) => {
    expect(reasonOf(await codec.decode(forged(hex(digits)), KEY))).toBe('format')
  })
})

describe('JSON that no codec of this package writes is a miss', () => {
  test.each([
    ['nothing', ''],
    ['half a text', '{"a":'],
    ['a tag beside properties', '{"$date":"2020-01-01T00:00:00.000Z","a":1}'],
    ['an unknown tag', '{"$class":"Money"}'],
    ['a property that is no tag and not doubled', '{"$":1}'],
    ['a hole outside an array', '{"a":{"$hole":true}}'],
    ['a date of another form', '{"$date":"1 May 2020"}'],
    ['a number that JSON has', '{"$number":"1"}'],
    ['a bigint of another form', '{"$bigint":" 1"}'],
    ['a bigint that takes minutes to read', `{"$bigint":"${'9'.repeat(100_000)}"}`],
    ['bytes of an unknown kind', '{"$bytes":["Money","AAAA"]}'],
    ['bytes without content', '{"$bytes":["Buffer"]}'],
    ['an entry of a Map without a value', '{"$map":[[1]]}'],
    ['an object for a Map', '{"$map":{}}'],
    ['an Error without properties', '{"$error":[0]}'],
    ['an Error of an unknown class', '{"$error":[9,[]]}'],
    ['a RegExp that is none', '{"$regexp":["(","",0]}'],
    ['a URL that is none', '{"$url":"a"}'],
    ['properties that are a list', '{"$bare":[]}'],
  ])('%s', async (_what, text) => {
    expect(reasonOf(await codec.decode(forged(Buffer.from(text), { format: 'json' }), KEY))).toBe('format')
  })
})

describe('prototypes stay untouched', () => {
  test.each([
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"$bare":{"__proto__":{"polluted":true}}}',
    '{"$error":[0,[["__proto__",true,{"polluted":true}]]]}',
    '{"$map":[["__proto__",{"polluted":true}]]}',
    '[{"__proto__":{"__proto__":{"polluted":true}}}]',
  ])('by %s', async (text) => {
    const decoded = await codec.decode(forged(Buffer.from(text), { format: 'json' }), KEY)
    expect(decoded.ok).toBe(true)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect((decoded as { value: { polluted?: unknown } }).value.polluted).toBeUndefined()
  })

  test('by names of properties in MessagePack', async () => {
    const body = hex('81 a9 5f5f70726f746f5f5f 81 a8 706f6c6c75746564 c3')
    const decoded = await codec.decode(forged(body), KEY)
    expect(decoded.ok && Object.getPrototypeOf(decoded.value)).toBe(Object.prototype)
    expect(decoded.ok && Object.keys(decoded.value as object)).toEqual(['__proto__'])
  })
})

describe('bombs end early', () => {
  const small = createCodec({ maxBytes: 4 * MIB })
  const filled = (length: number, ...bytes: number[]) => Buffer.alloc(length, Buffer.from(bytes))
  const array = (content: Buffer, count: number) => {
    const head = Buffer.from([0xdd, 0, 0, 0, 0])
    head.writeUInt32BE(count, 1)
    return Buffer.concat([head, content])
  }

  test.each([
    ['a million arrays in one another', filled(MIB, 0x91), 'format'],
    ['a million objects in one another', filled(MIB, 0x81, 0xa0), 'format'],
    ['four million empty objects', array(filled(4 * MIB - 5, 0x80), 4 * MIB - 5), 'too-large'],
    ['Maps without entries', array(filled(3.5 * MIB, 0xc7, 4, 7, 0, 0, 0, 0), MIB / 2), 'too-large'],
    ['Errors without properties', array(filled(4e6, 0xc7, 5, 10, 0, 0, 0, 0, 0), 5e5), 'too-large'],
  ])('%s', async (_what, body, reason) => {
    const before = memory()
    expect(reasonOf(await small.decode(forged(body), KEY))).toBe(reason)
    expect(memory() - before).toBeLessThan(64 * MIB)
  })

  test.each([
    ['a million lists in one another', '['.repeat(MIB) + ']'.repeat(MIB)],
    ['a list of a million lists', `[${'[],'.repeat(MIB)}[]]`],
    ['a list of a million objects', `[${'{},'.repeat(MIB)}{}]`],
    ['lists behind a quote that never ends a text', `["\\"",${'[],'.repeat(MIB)}[]]`],
  ])('%s in JSON', async (_what, text) => {
    const before = memory()
    const entry = forged(Buffer.from(text), { format: 'json' })
    expect(reasonOf(await small.decode(entry, KEY))).toBe('too-large')
    expect(memory() - before).toBeLessThan(32 * MIB)
  })

  test('64 MiB behind a kilobyte are not inflated, whatever length the header claims', async () => {
    const bomb = brotliCompressSync(Buffer.alloc(64 * MIB), { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
    expect(bomb.length).toBeLessThan(1024)
    const before = memory()
    for (const [contentBytes, reason] of [
      [64 * MIB, 'too-large'],
      [4 * MIB, 'corrupt'],
      [1000, 'corrupt'],
      [0, 'corrupt'],
    ] as const) {
      const entry = forged(bomb, { isCompressed: true, contentBytes })
      expect(reasonOf(await small.decode(entry, KEY))).toBe(reason)
    }
    expect(memory() - before).toBeLessThan(16 * MIB)
  })

  test.each([100, 100_000])('a stream of another kind, or one that gives less than %i bytes', async (contentBytes) => {
    for (const body of [
      deflateRawSync(Buffer.alloc(contentBytes)),
      brotliCompressSync(Buffer.alloc(contentBytes - 1)),
    ]) {
      const entry = forged(body, { isCompressed: true, contentBytes })
      expect(reasonOf(await codec.decode(entry, KEY))).toBe('corrupt')
    }
  })

  function memory(): number {
    const { heapUsed, external, arrayBuffers } = process.memoryUsage()
    return heapUsed + external + arrayBuffers
  }
})
