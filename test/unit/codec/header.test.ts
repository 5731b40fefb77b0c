import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { crc32, gmac } from '../../../src/codec/checksum.js'
import { type Codec, createCodec } from '../../../src/codec/codec.js'
import { type EntryHeader, keyDigestOf } from '../../../src/codec/entry-header.js'
import { decodeHeader } from '../../../src/codec/header-reader.js'
import { restamped } from '../../../src/codec/header-writer.js'
import { entryOf, forged, HEADER, KEY, reasonOf } from './support.js'

const codec = createCodec({ compress: false })

describe('a header', () => {
  test('is read alone, without the body behind it', async () => {
    const entry = await entryOf(codec, { big: 'x'.repeat(5000) })
    const whole = decodeHeader(entry, KEY)
    if (!whole.ok) throw new Error(whole.reason)
    expect(whole.header).toEqual(HEADER)
    expect(decodeHeader(entry.subarray(0, whole.headerBytes), KEY)).toEqual(whole)
  })

  test('has its fields where scripts look for them', async () => {
    const entry = await entryOf(codec, 'x')
    expect(entry.subarray(0, 4).toString('hex')).toBe('c1480100')
    const length = entry.readUInt16LE(4)
    expect(entry.toString('latin1', 8, 24)).toBe(HEADER.id)
    expect(entry.toString('latin1', 24, 40)).toBe(HEADER.inc)
    expect(entry.readDoubleLE(40)).toBe(HEADER.startSeq)
    expect(entry.readDoubleLE(48)).toBe(HEADER.storedAtMs)
    expect(entry.readDoubleLE(56)).toBe(HEADER.freshUntilMs)
    expect(entry.subarray(96, 112).equals(createHash('sha256').update('p:user:1').digest().subarray(0, 16))).toBe(true)
    expect(entry.readUInt16LE(116)).toBe(2)
    expect(entry.toString('utf8', 120, 120 + entry.readUInt16LE(118))).toBe('user:1')
    const check = createHash('sha1')
      .update(entry.subarray(0, length - 16))
      .digest('hex')
      .slice(0, 16)
    expect(entry.toString('latin1', length - 16, length)).toBe(check)
  })

  test('shows nothing of what was in its memory before', async () => {
    const over = async (dirt: number) => {
      // Small Buffers are cut from one piece of memory after the other; two pieces of it are soiled.
      for (let soiled = 0; soiled < 2 * Buffer.poolSize; soiled += 512) Buffer.allocUnsafe(512).fill(dirt)
      return (await entryOf(codec, 'x', { ...HEADER, inc: '' })).toString('hex')
    }
    expect(await over(0xff)).toBe(await over(0))
  })

  test('without an incarnation says so until a script stamps it', async () => {
    const unstamped = await entryOf(codec, 'x', { ...HEADER, inc: '' })
    expect(decodeHeader(unstamped, KEY)).toMatchObject({ ok: true, header: { inc: '' } })
  })

  test.each([
    ['plain', createCodec()],
    ['encrypted', createCodec({ encryption: { keys: [{ id: 'k', key: Buffer.alloc(32, 9) }] } })],
  ])('can be stamped anew: the %s entry stays whole', async (_kind, by) => {
    for (const value of [{ a: 1 }, Buffer.alloc(64 * 1024, 1)]) await staysWhole(by, value)
  })

  async function staysWhole(by: Codec, value: unknown): Promise<void> {
    const entry = await entryOf(by, value)
    const decoded = decodeHeader(entry, KEY)
    if (!decoded.ok) throw new Error(decoded.reason)
    const stamp = { inc: 'CCCCCCCCCCCCCCCC', startSeq: 99, storedAtMs: 5, freshUntilMs: 6 }
    const header = restamped(entry.subarray(0, decoded.headerBytes), stamp)
    const again = await by.decode(Buffer.concat([header, entry.subarray(decoded.headerBytes)]), KEY)
    expect(again).toMatchObject({ ok: true, value, header: { ...HEADER, ...stamp } })
  }

  test('keeps infinite lifetimes, many tags and odd tags', async () => {
    const header: EntryHeader = {
      ...HEADER,
      freshUntilMs: Infinity,
      tags: ['', 'a'.repeat(3000), '{*}?\u0000\r\n', '😀', ...Array.from({ length: 500 }, (_, index) => `t${index}`)],
    }
    expect(await codec.decode(await entryOf(codec, 1, header), KEY)).toMatchObject({ ok: true, value: 1, header })
  })
})

describe('the header of a large body', () => {
  const value = Buffer.alloc(64 * 1024, 'body')
  const encrypting = createCodec({ encryption: { keys: [{ id: 'k', key: Buffer.alloc(32, 9) }] } })

  test('has a GMAC behind its tags, and no CRC-32', async () => {
    const entry = await entryOf(codec, value)
    const length = entry.readUInt16LE(4)
    expect(entry[3]).toBe(4)
    expect(entry.readUInt32LE(64)).toBe(0)
    expect(entry.subarray(length - 32, length - 16)).toEqual(gmac(value))
    expect(length).toBe((await entryOf(codec, value.subarray(1))).readUInt16LE(4) + 16)
  })

  test('that is encrypted has the tag of that, and nothing else', async () => {
    const entry = await entryOf(encrypting, value)
    expect(entry[3]).toBe(6)
    expect(entry.readUInt32LE(64)).toBe(0)
    expect(entry.readUInt16LE(4)).toBe((await entryOf(encrypting, value.subarray(1))).readUInt16LE(4))
  })

  test.each([
    ['plain', codec, 'corrupt'],
    ['encrypted', encrypting, 'decrypt'],
  ])('tells damage of the body: %s', async (_kind, by, reason) => {
    const entry = await entryOf(by, value)
    for (let at = entry.readUInt16LE(4); at < entry.length; at += 4001) {
      const damaged = Buffer.from(entry)
      damaged[at] = (damaged[at] as number) ^ 0x10
      expect(reasonOf(await by.decode(damaged, KEY))).toBe(reason)
    }
    expect(reasonOf(await by.decode(entry, KEY))).toBe('ok')
  })

  test('of an earlier writer, with a CRC-32, is still believed, and damage of its body noticed', async () => {
    const entry = forged(value, { format: 'raw', checksum: crc32(value) })
    expect(entry[3]).toBe(0)
    expect(await codec.decode(entry, KEY)).toMatchObject({ ok: true, value })
    entry[entry.length - 1] = 0
    expect(reasonOf(await codec.decode(entry, KEY))).toBe('corrupt')
  })

  test('without room for a GMAC is damage even with a right check', async () => {
    const entry = await entryOf(codec, 1)
    entry[3] = 4
    expect(reasonOf(await codec.decode(resealed(entry), KEY))).toBe('corrupt')
    const large = await entryOf(codec, value)
    large[3] = 0
    expect(reasonOf(await codec.decode(resealed(large), KEY))).toBe('corrupt')
  })
})

describe('what is no header', () => {
  test.each([
    ['nothing', Buffer.alloc(0), 'truncated'],
    ['JSON text', Buffer.from('{"value":1,"expires":null}'), 'foreign'],
    ['one byte of magic', Buffer.from([0xc1]), 'truncated'],
    ['the magic alone', Buffer.from([0xc1, 0x48]), 'truncated'],
    ['zeros', Buffer.alloc(500), 'foreign'],
  ])('%s', (_what, bytes, reason) => {
    expect(decodeHeader(bytes, KEY)).toEqual({ ok: false, reason })
  })

  test('an entry of a later version is left alone', async () => {
    const entry = await entryOf(codec, 1)
    entry[2] = 2
    expect(reasonOf(await codec.decode(entry, KEY))).toBe('version')
  })

  test.each([
    ['an unknown flag', 3, 8],
    ['an unknown form of body', 6, 9],
  ])('%s is of a later version', async (_what, at, value) => {
    const entry = await entryOf(codec, 1)
    entry[at] = value
    expect(reasonOf(await codec.decode(resealed(entry), KEY))).toBe('version')
  })

  test.each([
    ['a fractional sequence number', 40, 1.5],
    ['NaN as an instant', 56, Number.NaN],
  ])('%s is damage even with a right check', async (_what, at, value) => {
    const entry = await entryOf(codec, 1)
    entry.writeDoubleLE(value, at)
    expect(reasonOf(await codec.decode(resealed(entry), KEY))).toBe('corrupt')
  })

  test('tags that run out of the header are damage even with a right check', async () => {
    const entry = await entryOf(codec, 1)
    entry.writeUInt16LE(60_000, 118)
    expect(reasonOf(await codec.decode(resealed(entry), KEY))).toBe('corrupt')
    const other = await entryOf(codec, 1)
    other.writeUInt16LE(1, 116)
    expect(reasonOf(await codec.decode(resealed(other), KEY))).toBe('corrupt')
  })

  test('each prefix of an entry is truncated, each entry with more behind it damaged', async () => {
    const entry = await entryOf(codec, { a: 'text', b: [1, 2, 3] })
    for (let length = 0; length < entry.length; length++) {
      expect(reasonOf(await codec.decode(entry.subarray(0, length), KEY))).toBe('truncated')
    }
    expect(reasonOf(await codec.decode(Buffer.concat([entry, Buffer.alloc(1)]), KEY))).toBe('corrupt')
  })

  test('each single flipped bit is noticed', async () => {
    const entry = await entryOf(codec, { a: 'text', b: [1, 2, 3] })
    for (let bit = 0; bit < entry.length * 8; bit++) {
      const damaged = Buffer.from(entry)
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(reasonOf(await codec.decode(damaged, KEY))).not.toBe('ok')
    }
  })

  test('the header of one write with the body of another is noticed', async () => {
    const [one, two] = [await entryOf(codec, { n: 1 }), await entryOf(codec, { n: 2 })]
    const length = one.readUInt16LE(4)
    const mixed = Buffer.concat([one.subarray(0, length), two.subarray(length)])
    expect(reasonOf(await codec.decode(mixed, KEY))).toBe('corrupt')
  })

  test('a digest longer than is stored counts by its beginning', async () => {
    const full = createHash('sha256').update('p:user:1').digest()
    expect(reasonOf(await codec.decode(await entryOf(codec, 1), full))).toBe('ok')
    expect(keyDigestOf('p:user:1').equals(KEY)).toBe(true)
  })
})

/** An entry whose header has a right check again: what somebody with access to the store can make. */
function resealed(entry: Buffer): Buffer {
  const end = entry.readUInt16LE(4) - 16
  entry.write(createHash('sha1').update(entry.subarray(0, end)).digest('hex').slice(0, 16), end, 'latin1')
  return entry
}
