import { describe, expect, it } from 'vitest'
import { About, Entry } from '../../../src/cache/entry.js'
import { createEntryCodec } from '../../../src/cache/entry-codec.js'
import { firstValueOf, isOwn } from '../../../src/cache/loan.js'
import type { LiveState, NamespaceState } from '../../../src/cache/state.js'
import type { CodecOptions } from '../../../src/codec/codec-options.js'
import { readEntry } from '../../../src/stores/entry-bytes.js'

const KEY = 'p:user:1'
const ENTRY = {
  id: 'AAAAAAAAAAAAAAAA',
  inc: '',
  startSeq: 0,
  tags: [],
  storedAtMs: 0,
  freshUntilMs: 1000,
  staleForMs: 0,
  errorForMs: 0,
  loadMs: 0,
  body: undefined,
}
const LARGE = Buffer.alloc(64 * 1024, 'large')

/** What a codec makes of the bytes of a value, in memory that has `room` bytes beside them. */
async function decoded(value: unknown, options: CodecOptions = {}, room = 0) {
  const codec = createEntryCodec(options)
  const encoded = await codec.encode(value, ENTRY, KEY)
  if (encoded === undefined || encoded instanceof Uint8Array || 'refused' in encoded) throw new Error('refused')
  const bytes = Buffer.concat([encoded.header, encoded.body, Buffer.alloc(room)])
  const read = readEntry(KEY, bytes.subarray(0, bytes.length - room))
  if ('failure' in read) throw new Error(read.failure)
  const body = await codec.decode(read.entry.body as Uint8Array, read.entry, KEY)
  if (!body.ok) throw new Error(body.reason)
  return body
}

async function lendable() {
  const { value, loan } = await decoded(LARGE)
  const about = new About({
    storedAt: 0,
    freshUntil: 1000,
    refreshAt: Infinity,
    staleForMs: 0,
    errorForMs: 0,
    loadMs: 0,
    startSeq: 0,
    cells: [],
    readersGetCopies: true,
    loan,
  })
  const live = {} as LiveState
  return { state: { live } as NamespaceState, entry: new Entry(value, 0, 0, 0, about), about }
}

describe('a loan', () => {
  it.each<[string, unknown, CodecOptions, number]>([
    ['a small Buffer', LARGE.subarray(1), {}, 0],
    ['an array of another kind', new Uint8Array(LARGE), {}, 0],
    ['a Buffer in an object', { of: LARGE }, {}, 0],
    ['what was encrypted', LARGE, { encryption: { keys: [{ id: 'k', key: Buffer.alloc(32) }] } }, 0],
    ['a Buffer with something else in its memory', LARGE, {}, 1],
  ])('is not made of %s', async (_what, value, options, room) => {
    expect((await decoded(value, options, room)).loan).toBeUndefined()
  })

  it('is made once: the next reader gets a copy', async () => {
    const { state, entry } = await lendable()
    const [first, second] = [firstValueOf(state, entry), firstValueOf(state, entry)] as [Buffer, Buffer]
    expect(first.buffer).toBe((entry.value as Buffer).buffer)
    expect(second.buffer).not.toBe(first.buffer)
    expect(second.equals(LARGE)).toBe(true)
  })

  it('ends with a copy that is memory’s own', async () => {
    const { state, entry, about } = await lendable()
    const first = firstValueOf(state, entry) as Buffer
    expect(isOwn(state, entry, about)).toBe(true)
    first.fill(0)
    expect(isOwn(state, entry, about)).toBe(true)
    expect(LARGE.equals(entry.value as Buffer)).toBe(true)
  })

  it('that nobody took costs nothing', async () => {
    const { state, entry, about } = await lendable()
    const { value } = entry
    expect(isOwn(state, entry, about)).toBe(true)
    expect(entry.value).toBe(value)
  })

  it.each([0, 31_337, LARGE.length - 1])('of bytes whose byte %i was changed is lost, and the last one', async (at) => {
    const { state, entry, about } = await lendable()
    const first = firstValueOf(state, entry) as Buffer
    first[at] = 0
    expect(isOwn(state, entry, about)).toBe(false)
    const next = await lendable()
    const copy = firstValueOf(state, next.entry) as Buffer
    expect(copy.buffer).not.toBe((next.entry.value as Buffer).buffer)
  })

  it('does not believe a checksum that the reader can reach', async () => {
    const { state, entry, about } = await lendable()
    const first = firstValueOf(state, entry) as Buffer
    new Uint8Array(first.buffer, 0, first.byteOffset).fill(0)
    expect(isOwn(state, entry, about)).toBe(true)
    expect(LARGE.equals(entry.value as Buffer)).toBe(true)
  })
})
