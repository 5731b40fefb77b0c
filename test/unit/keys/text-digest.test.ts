import { expect, it } from 'vitest'
import { keyDigestHex } from '../../../src/codec/entry-header.js'
import { textDigest } from '../../../src/keys/text-digest.js'

it.each(['p:things:v1:k', '', 'p:things:v1:é', 'p:things:v1:\ud83d\ude00', `p:things:v1:${'x'.repeat(500)}`])(
  'is what an entry repeats of its key: %j',
  (key) => {
    expect(textDigest(key)).toBe(keyDigestHex(key))
    expect(textDigest(key)).toMatch(/^[0-9a-f]{32}$/)
  },
)
