import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createCodec } from '../../../src/codec/codec.js'
import { entryOf, HEADER, isIdentical, KEY } from './support.js'
import { WIRE_V1 } from './wire-values.js'

const FOLDER = 'test/fixtures/wire/v1'

describe('entries of version 1', () => {
  test('each have a value to compare with', () => {
    expect(readdirSync(FOLDER).sort()).toEqual(
      Object.keys(WIRE_V1)
        .sort()
        .map((name) => `${name}.bin`),
    )
  })

  test.each(Object.entries(WIRE_V1))('%s is read as it was written', async (name, { value, options }) => {
    const decoded = await createCodec(options).decode(readFileSync(`${FOLDER}/${name}.bin`), KEY)
    if (!decoded.ok) throw new Error(decoded.reason)
    expect(isIdentical(decoded.value, value)).toBe(true)
    expect(decoded.header).toEqual(HEADER)
  })

  // What a compressor and a nonce make is another thing each time.
  const stable = Object.entries(WIRE_V1).filter(([name]) => !/compressed|encrypted/i.test(name))
  test.each(stable)('%s is still written so, byte by byte', async (name, { value, options }) => {
    const entry = await entryOf(createCodec(options), value)
    expect(entry.equals(readFileSync(`${FOLDER}/${name}.bin`))).toBe(true)
  })
})
