import { describe, expect, it, vi } from 'vitest'
import { HopstashError } from '../../../src/errors/base-error.js'
import { batchMisaligned, batchShape } from '../../../src/errors/batch-error.js'
import { ERROR_CODES } from '../../../src/errors/codes.js'
import { keyUnsupported, scopeRequired } from '../../../src/errors/key-error.js'
import { closed, loadReentrant, loadTimeout, notCached } from '../../../src/errors/load-error.js'
import {
  namespaceUnknown,
  nameTaken,
  nearestName,
  optionInvalid,
  optionUnknown,
  preview,
} from '../../../src/errors/option-error.js'
import { peerMissing } from '../../../src/errors/peer-error.js'
import { valueUnsupported } from '../../../src/errors/value-error.js'

const ALL: readonly (readonly [string, HopstashError, string, boolean])[] = [
  ['OptionError', optionInvalid('ttl', 'a duration', 'x', 'Do this.'), 'ERR_OPTION_INVALID', false],
  ['OptionError', optionUnknown('here', 'tll', ['ttl']), 'ERR_OPTION_INVALID', false],
  ['OptionError', nameTaken('function', 'f', 'Do this.'), 'ERR_NAME_TAKEN', false],
  ['OptionError', namespaceUnknown('x', ['general']), 'ERR_NAMESPACE_UNKNOWN', false],
  ['KeyError', keyUnsupported('$.a', 'a function'), 'ERR_KEY_UNSUPPORTED', false],
  ['KeyError', scopeRequired('things'), 'ERR_SCOPE_REQUIRED', false],
  ['ValueError', valueUnsupported('$.a', 'a function'), 'ERR_VALUE_UNSUPPORTED', false],
  ['LoadError', loadTimeout('things', 5000), 'ERR_LOAD_TIMEOUT', true],
  ['LoadError', loadReentrant('things'), 'ERR_LOAD_REENTRANT', false],
  ['LoadError', notCached('things'), 'ERR_NOT_CACHED', false],
  ['LoadError', closed('The stash'), 'ERR_CLOSED', false],
  ['BatchError', batchMisaligned('things', 2, 3), 'ERR_BATCH_MISALIGNED', false],
  ['BatchError', batchShape('things', 'a string'), 'ERR_BATCH_MISALIGNED', false],
  ['PeerError', peerMissing('undici', 'The pool', new Error('cause')), 'ERR_PEER_MISSING', false],
]

describe('errors', () => {
  it.each(ALL)(
    '%s carries name, code, retryable, frozen context and a sentence: %o',
    (name, error, code, retryable) => {
      expect(error).toBeInstanceOf(Error)
      expect(error).toMatchObject({ name, code, retryable })
      expect(ERROR_CODES).toContain(code)
      expect(Object.isFrozen(error.context)).toBe(true)
      expect(error.message).toMatch(/^[A-Z`].*[.?]$|npm install \S+$/)
      expect(String(error)).toMatch(new RegExp(`^${name}: `))
    },
  )

  it('have codes that are unique and of one form', () => {
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length)
    for (const code of ERROR_CODES) expect(code).toMatch(/^ERR(_[A-Z]+)+$/)
  })

  it('keep their cause, and have none where there is none', () => {
    const cause = new Error('cause')
    expect(peerMissing('undici', 'The pool', cause).cause).toBe(cause)
    expect('cause' in closed('x')).toBe(false)
  })

  it('tell a package that is not installed from one that cannot be loaded', () => {
    const absent = Object.assign(new Error('not told'), { code: 'ERR_MODULE_NOT_FOUND' })
    expect(peerMissing('undici', 'The pool', absent).message).toBe(
      "The pool needs the package 'undici', which is not installed. Run: npm install undici",
    )
    expect(peerMissing('undici', 'The pool', new Error('Dynamic require of "events" is not supported')).message).toBe(
      `The pool needs the package 'undici', which cannot be loaded: Dynamic require of "events" is not supported. In a bundle, leave the package outside (\`external\`).`,
    )
  })

  it('are known across copies of the package, and nothing else is', async () => {
    vi.resetModules()
    const copy = await import('../../../src/errors/load-error.js')
    const foreign = copy.closed('x')
    expect(foreign).not.toBeInstanceOf(HopstashError)
    expect(HopstashError.isInstance(foreign)).toBe(true)
    for (const other of [new Error('x'), { code: 'ERR_CLOSED' }, null, undefined, 'text']) {
      expect(HopstashError.isInstance(other)).toBe(false)
    }
  })

  it('are new ones each time: a thrown error that is kept for ever keeps a stack for ever', () => {
    expect(closed('x')).not.toBe(closed('x'))
  })
})

describe('preview', () => {
  it.each([
    ['short', "'short'"],
    ['x'.repeat(41), 'a string of 41 characters'],
    [5, '5'],
    [-0, '-0'],
    [Number.NaN, 'NaN'],
    [5n, '5n'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('secret'), 'a symbol'],
    [() => 1, 'a function'],
    [[1, 2], 'an array of 2'],
    [{ secret: 1 }, 'an object (Object)'],
    [new Map(), 'an object (Map)'],
    [Object.create(null), 'an object (null prototype)'],
  ])('shows %s without its content', (value, text) => {
    expect(preview(value)).toBe(text)
  })
})

describe('nearestName', () => {
  const known = ['ttl', 'staleIfError', 'staleWhileRevalidate', 'tags', 'b']
  it.each([
    ['tll', 'ttl'],
    ['staleIfErorr', 'staleIfError'],
    ['STALEIFERROR', 'staleIfError'],
    ['tag', 'tags'],
    ['somethingElse', undefined],
    ['', undefined],
    ['zz', undefined],
    ['z', undefined],
  ])('finds for %s: %s', (name, nearest) => {
    expect(nearestName(name, known)).toBe(nearest)
  })

  it('looks at no more than the beginning of a very long name', () => {
    const beginning = 'x'.repeat(64)
    expect(nearestName(`${beginning}${'y'.repeat(1_000_000)}`, [beginning])).toBe(beginning)
  })
})
