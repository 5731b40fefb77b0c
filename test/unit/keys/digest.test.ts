import { createHash, createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { canonicalBytes } from '../../../src/keys/canonicalize.js'
import { digest, digestOf } from '../../../src/keys/digest.js'
import { createTextMemo } from '../../../src/keys/text-memo.js'

describe('digestOf', () => {
  it('is the SHA-256 of the canonical bytes in base64url', () => {
    const value = { a: [1, 'ü'] }
    expect(digestOf(value)).toBe(createHash('sha256').update(canonicalBytes(value)).digest('base64url'))
    expect(digestOf(value)).toMatch(/^[\w-]{43}$/)
  })

  it('is that of the canonical bytes for texts of every length and script, too', () => {
    const pieces = ['', 'a', 'item 7', 'ü', '\u0000', '日本', '😀', '\ud800', 'x\udc00', 'e\u0301']
    for (const piece of pieces) {
      for (const length of [0, 1, 63, 64, 65, 127, 128, 129, 300]) {
        const text = piece + 'x'.repeat(length)
        expect(digestOf(text)).toBe(createHash('sha256').update(canonicalBytes(text)).digest('base64url'))
      }
    }
  })

  it('of a Proxy that nobody may look at is refused like any other value that throws', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(() => digestOf(proxy)).toThrow(expect.objectContaining({ code: 'ERR_KEY_UNSUPPORTED' }))
  })

  it('is an HMAC with a secret, given as text or as bytes', () => {
    const secret = 'top'
    const expected = createHmac('sha256', secret).update(canonicalBytes('x')).digest('base64url')
    expect(digestOf('x', { secret })).toBe(expected)
    expect(digestOf('x', { secret: Buffer.from(secret) })).toBe(expected)
    expect(digestOf('x', { secret })).not.toBe(digestOf('x'))
  })

  it('names the path of what it refuses', () => {
    expect(() => digestOf({ a: [() => 0] })).toThrow(
      expect.objectContaining({ code: 'ERR_KEY_UNSUPPORTED', context: { path: '$.a[0]' } }),
    )
  })
})

describe('digest', () => {
  it('shows its digest as text and its value nowhere', () => {
    const marker = digest({ resume: 'private' })
    expect(`${marker}`).toBe(digestOf({ resume: 'private' }))
    expect(JSON.stringify({ marker })).toBe(`{"marker":"${marker}"}`)
    expect(inspect(marker, { showHidden: true, depth: 9 })).not.toContain('private')
  })

  it('stands for its value inside a structure, without equalling it', () => {
    expect(digestOf({ a: digest('x') })).toBe(digestOf({ a: digest('x') }))
    expect(digestOf({ a: digest('x') })).not.toBe(digestOf({ a: digest('y') }))
    expect(digestOf({ a: digest('x') })).not.toBe(digestOf({ a: 'x' }))
  })
})

describe('the memo of long texts', () => {
  const text = (seed: number) => `${'x'.repeat(2_000)}${seed}`.padEnd(3_000, 'y')

  it('computes the digest of a text once', () => {
    const memo = createTextMemo()
    const compute = vi.fn((long: string) => `digest ${long.length}`)
    expect(memo.digest(text(1), compute)).toBe('digest 3000')
    expect(memo.digest(text(1), compute)).toBe('digest 3000')
    expect(compute).toHaveBeenCalledTimes(1)
  })

  it('is not deceived by texts that agree in length and samples', () => {
    const memo = createTextMemo()
    expect(memo.digest(text(1), () => 'one')).toBe('one')
    expect(memo.digest(text(2), () => 'two')).toBe('two')
    expect(memo.digest(text(1), () => 'one')).toBe('one')
  })

  it('forgets the oldest of more than 64 texts, and of more than 2 Mi characters', () => {
    const byCount = createTextMemo()
    const compute = vi.fn(() => 'x')
    for (let length = 2_000; length < 2_065; length++) byCount.digest('x'.repeat(length), compute)
    byCount.digest('x'.repeat(2_064), compute)
    expect(compute).toHaveBeenCalledTimes(65)
    byCount.digest('x'.repeat(2_000), compute)
    expect(compute).toHaveBeenCalledTimes(66)

    const bySize = createTextMemo()
    compute.mockClear()
    bySize.digest('a'.repeat(2 ** 20), compute)
    bySize.digest('b'.repeat(2 ** 20), compute)
    bySize.digest('a'.repeat(2 ** 20), compute)
    expect(compute).toHaveBeenCalledTimes(2)
    bySize.digest('c'.repeat(2_000), compute)
    bySize.digest('a'.repeat(2 ** 20), compute)
    expect(compute).toHaveBeenCalledTimes(4)
  })

  it('does not keep a text beyond its whole budget', () => {
    const memo = createTextMemo()
    const compute = vi.fn(() => 'x')
    const huge = 'x'.repeat(2 ** 21 + 1)
    memo.digest(huge, compute)
    memo.digest(huge, compute)
    expect(compute).toHaveBeenCalledTimes(2)
  })
})
