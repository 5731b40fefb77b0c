import { crc32 as zlibCrc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { swapped } from '../../../src/codec/byte-kind.js'
import { checksumOf, crc32, createCrc32, GMAC_BYTES, gmac, isIntact } from '../../../src/codec/checksum.js'
import { createCodec } from '../../../src/codec/codec.js'
import { type CodecOptions, resolveCodecOptions } from '../../../src/codec/codec-options.js'
import { cachedText, createKeyCache } from '../../../src/codec/key-cache.js'
import { entryOf } from './support.js'

describe('the checksum', () => {
  const ours = createCrc32()

  test('is the CRC-32 of the standards', () => {
    expect(ours(Buffer.from('123456789'))).toBe(0xcbf43926)
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926)
    expect(ours(Buffer.alloc(0))).toBe(0)
  })

  test.runIf(typeof zlibCrc32 === 'function')('without the one of Node is the same at all lengths', () => {
    const bytes = Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 7919) & 0xff))
    for (let length = 0; length <= bytes.length; length++) {
      expect(ours(bytes.subarray(0, length))).toBe(zlibCrc32(bytes.subarray(0, length)))
    }
  })

  test('goes on from that of the bytes before', () => {
    const bytes = Buffer.from('123456789')
    for (const sum of [ours, crc32]) {
      for (let at = 0; at <= bytes.length; at++) {
        expect(sum(bytes.subarray(at), sum(bytes.subarray(0, at)))).toBe(0xcbf43926)
      }
    }
  })
})

describe('the checksum of a large body', () => {
  const large = Buffer.alloc(GMAC_BYTES, 'body')

  test('is the GMAC that other tools compute', () => {
    // AES-128-GCM with the key `hopstash/gmac/v1` and a nonce of zeros, over no text.
    expect(gmac(Buffer.alloc(0)).toString('hex')).toBe('a17a1459a1a615eea0cc7b7ec7c9cd05')
    expect(gmac(Buffer.from('123456789')).toString('hex')).toBe('55db2b16d0c13cfdf63c7080ea21a842')
  })

  test('begins where it is faster', () => {
    expect(checksumOf(large)).toEqual(gmac(large))
    expect(checksumOf(large.subarray(1))).toBe(crc32(large.subarray(1)))
  })

  test('tells every changed byte, wherever it is, and a changed length', () => {
    const checksum = checksumOf(large)
    expect(isIntact(large, checksum)).toBe(true)
    for (let at = 0; at < large.length; at += 997) {
      large[at] = (large[at] as number) ^ 1
      expect(isIntact(large, checksum)).toBe(false)
      large[at] = (large[at] as number) ^ 1
    }
    expect(isIntact(large.subarray(1), checksum)).toBe(false)
    expect(isIntact(Buffer.concat([large, Buffer.alloc(1)]), checksum)).toBe(false)
  })
})

test('elements are turned around on hosts of the other byte order', () => {
  expect([...swapped(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 4)]).toEqual([4, 3, 2, 1, 8, 7, 6, 5])
  expect([...swapped(Uint8Array.of(1, 2), 2)]).toEqual([2, 1])
})

test('names that fall into one place of the cache are not mixed up', () => {
  const cache = createKeyCache()
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 5000; index++) {
      const name = `n${index.toString(36)}é`.slice(0, index % 2 === 0 ? -1 : undefined)
      const bytes = Buffer.from(`..${name}..`)
      expect(cachedText(cache, bytes, 2, bytes.length - 2)).toBe(name)
    }
  }
})

test('JSON entries can be read by eye', async () => {
  const value = { at: new Date(0), tags: new Set(['a']), $price: 5n, raw: Buffer.from('hi'), odd: [-0, undefined] }
  const entry = await entryOf(createCodec({ format: 'json' }), value)
  expect(entry.subarray(entry.readUInt16LE(4)).toString()).toBe(
    '{"at":{"$date":"1970-01-01T00:00:00.000Z"},"tags":{"$set":["a"]},"$$price":{"$bigint":"5"},' +
      '"raw":{"$bytes":["Buffer","aGk="]},"odd":[{"$number":"-0"},{"$undefined":true}]}',
  )
})

describe('options', () => {
  const key = Buffer.alloc(32)

  test.each<[string, unknown, RegExp]>([
    ['an unknown format', { format: 'xml' }, /codec\.format.*'msgpack' or 'json'.*'xml'/],
    ['a typo', { compres: false }, /compres.*Did you mean `compress`/],
    ['a typo below', { compress: { treshold: 5 } }, /treshold/],
    ['true for compress', { compress: true }, /codec\.compress/],
    ['a threshold of 0', { compress: { thresholdBytes: 0 } }, /codec\.compress\.thresholdBytes/],
    ['a level of 12', { compress: { level: 12 } }, /codec\.compress\.level.*0 to 11/],
    ['encryption without keys', { encryption: { keys: [] } }, /codec\.encryption\.keys/],
    ['encryption that is no object', { encryption: 'aes' }, /codec\.encryption/],
    ['a key of 16 bytes', { encryption: { keys: [{ id: 'a', key: Buffer.alloc(16) }] } }, /keys\[0\]\.key.*32 bytes/],
    ['a key that is text', { encryption: { keys: [{ id: 'a', key: 'CANARY' }] } }, /^(?!.*CANARY).*keys\[0\]\.key/],
    ['an empty id', { encryption: { keys: [{ id: '', key }] } }, /keys\[0\]\.id/],
    ['an id that is not ASCII', { encryption: { keys: [{ id: 'ä', key }] } }, /keys\[0\]\.id/],
    [
      'one id twice',
      {
        encryption: {
          keys: [
            { id: 'a', key },
            { id: 'a', key },
          ],
        },
      },
      /keys\[1\]\.id/,
    ],
    ['a size of 0', { maxBytes: 0 }, /codec\.maxBytes/],
    ['a size that is no number', { maxBytes: '1MB' }, /codec\.maxBytes/],
    ['a depth of 1001', { maxDepth: 1001 }, /codec\.maxDepth/],
  ])('%s is refused at construction', (_what, options, message) => {
    expect(() => createCodec(options as CodecOptions)).toThrow(message)
    expect(() => createCodec(options as CodecOptions)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }))
  })

  test('have defaults', () => {
    expect(resolveCodecOptions()).toEqual({
      format: 'msgpack',
      maxBytes: 32 * 1024 * 1024,
      maxDepth: 512,
      thresholdBytes: 64 * 1024,
      level: 1,
      keys: [],
    })
  })
})
