import fc from 'fast-check'
import { expect, it } from 'vitest'
import { crc32 } from '../../../src/codec/checksum.js'
import { expiredFile, headOf, readFileEntry, writeFileEntry } from '../../../src/stores/file-entry.js'
import type { StoredEntry } from '../../../src/stores/shared-store.js'

const KEY = 'hopstash:things:v1:a'
const times = { storedAtMs: 1, freshUntilMs: 2, staleForMs: 3, errorForMs: 4, loadMs: 5 }

function fileOf(tags: readonly string[], body: Uint8Array = Buffer.from('body')): Buffer {
  const entry: StoredEntry = {
    id: '0123456789abcdef',
    inc: 'incarnationBBBBB',
    startSeq: 7,
    tags,
    ...times,
    body,
  }
  return Buffer.concat(writeFileEntry(entry, { key: KEY, goneAtMs: Infinity, request: undefined }))
}

it('reads a header of every length, whatever base64 fills up with', () => {
  for (let length = 1; length <= 12; length++) {
    const tags = ['x'.repeat(length)]
    const { read } = readFileEntry(KEY, fileOf(tags))
    expect(read).toMatchObject({ entry: { id: '0123456789abcdef', startSeq: 7, tags, ...times } })
    if ('entry' in read) expect(Buffer.from(read.entry.body ?? []).toString()).toBe('body')
  }
})

it.each([new Uint8Array(0), Buffer.alloc(0), Buffer.from(new ArrayBuffer(0)), new Uint8Array(8).subarray(8)])(
  'reads a body of no bytes, whatever they are a view of',
  (body) => {
    expect(readFileEntry(KEY, fileOf([], body)).read).toMatchObject({ entry: { body: Buffer.alloc(0) } })
    const expired = Buffer.concat(expiredFile(KEY, fileOf([], body), 1)?.chunks ?? [])
    expect(readFileEntry(KEY, expired).read).toMatchObject({ entry: { body: Buffer.alloc(0) } })
  },
)

it('has a head of the checksum of all that follows it, and of the header in base64', () => {
  for (const tags of [[], ['a'], ['ab'], ['ü', '€']]) {
    const bytes = fileOf(tags)
    const [, check = '', base64 = ''] = /"head":"([0-9a-f]{8})([^"]+)"/.exec(bytes.toString('latin1')) ?? []
    expect(crc32(bytes.subarray(bytes.indexOf(base64)))).toBe(Number.parseInt(check, 16))
    expect(headOf(bytes)?.equals(Buffer.from(base64, 'base64'))).toBe(true)
  }
})

it('gives no body that another header, or a part of another body, was written over', () => {
  const [one, other] = [fileOf(['red']), fileOf(['tan'])]
  const headEnd = one.indexOf('\n') + 1
  const mixed = Buffer.concat([one.subarray(0, headEnd), Buffer.from('bOdy')])
  for (const bytes of [mixed, Buffer.concat([one, one.subarray(-1)]), one.subarray(0, -1)]) {
    expect(readFileEntry(KEY, Buffer.from(bytes)).read).toHaveProperty('failure')
  }
  const torn = Buffer.concat([other.subarray(0, headEnd - 40), one.subarray(headEnd - 40)])
  expect(readFileEntry(KEY, torn).read).toHaveProperty('failure')
})

it('is whole again after its freshness was ended', () => {
  const expired = Buffer.concat(expiredFile(KEY, fileOf(['red']), 1)?.chunks ?? [])
  expect(readFileEntry(KEY, expired).read).toMatchObject({ entry: { freshUntilMs: -248.5, tags: ['red'] } })
})

it('takes no header in which a character is another one, or none of base64', () => {
  const whole = fileOf(['red'])
  const start = whole.indexOf('"head":"') + '"head":"'.length
  const end = whole.indexOf('"}\n', start)
  for (let at = start; at < end; at++) {
    for (const other of ['!', 'A', '\u00ff', '=', '"']) {
      const damaged = Buffer.from(whole)
      damaged.write(other, at, 'latin1')
      if (!damaged.equals(whole))
        expect(readFileEntry(KEY, damaged).read, `${other} at ${at}`).toHaveProperty('failure')
    }
  }
})

it('belongs to its key alone, whether that is given as text, as digest or in hexadecimal', () => {
  expect(readFileEntry('hopstash:things:v1:b', fileOf([])).read).toEqual({ failure: 'key' })
  expect(readFileEntry({ hex: '0'.repeat(32) }, fileOf([])).read).toEqual({ failure: 'key' })
  expect(readFileEntry(new Uint8Array(16), fileOf([])).read).toEqual({ failure: 'key' })
})

it('never throws, whatever stands in a file', () => {
  const whole = fileOf(['red'])
  const line = whole.subarray(0, whole.indexOf('\n')).toString()
  const heads = fc.string({ unit: fc.constantFrom('A', 'b', '9', '+', '/', '=', '"', '}', '\n'), maxLength: 300 })
  const files = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    fc.tuple(fc.nat(whole.length), fc.uint8Array({ maxLength: 9 })).map(([at, bytes]) => {
      return Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + bytes.length + 1)])
    }),
    heads.map((head) => Buffer.from(`${line.slice(0, line.indexOf('"head":"') + 8)}${head}"}\nbody`)),
  )
  fc.assert(
    fc.property(files, (bytes) => {
      const { read } = readFileEntry(KEY, Buffer.from(bytes))
      if ('entry' in read) expect(read.entry).toMatchObject({ id: '0123456789abcdef', startSeq: 7, tags: ['red'] })
      headOf(bytes)
    }),
  )
})
