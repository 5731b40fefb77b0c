import { describe, expect, it } from 'vitest'
import { createEntryCodec } from '../../../src/cache/entry-codec.js'
import type { StoredEntry } from '../../../src/stores/shared-store.js'

const entryWith = (tags: readonly string[]): StoredEntry => ({
  id: 'a'.repeat(16),
  inc: '',
  startSeq: 0,
  tags,
  storedAtMs: 0,
  freshUntilMs: 1,
  staleForMs: 0,
  errorForMs: 0,
  loadMs: 0,
  body: undefined,
  header: undefined,
})

describe('the codec of entries', () => {
  const { encode } = createEntryCodec()

  it('says of tags that are too many for an entry that they are too large, not that the value is of a wrong type', async () => {
    const many = Array.from({ length: 130 }, (_, index) => 't'.repeat(508) + index)
    expect(await encode('value', entryWith(many), 'key')).toEqual({ refused: 'size' })
    expect(await encode('value', entryWith(many.slice(10)), 'key')).toHaveProperty('body')
  })

  it('takes what cannot be written for a wrong type', async () => {
    expect(await encode(() => 1, entryWith([]), 'key')).toEqual({ refused: 'type' })
    expect(await encode('value', entryWith(['\ud800']), 'key')).toEqual({ refused: 'type' })
  })
})
