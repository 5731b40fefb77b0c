import { describe, expect, it } from 'vitest'
import { digestOf } from '../../../src/keys/digest.js'
import { applyTextForm } from '../../../src/keys/text-form.js'

describe('a text form', () => {
  it.each([
    ['composes characters', { unicode: 'NFC' }, 'e\u0301', 'é'],
    ['turns CRLF and CR into LF', { lineEnds: 'lf' }, 'a\r\nb\rc\n', 'a\nb\nc\n'],
    [
      'trims line ends and trailing blank lines',
      { trailingSpace: 'trim' },
      ' a \t\n\n b \r\nc  \n \n',
      ' a\n\n b\r\nc',
    ],
    ['trims a text of blanks to nothing', { trailingSpace: 'trim' }, ' \n\t', ''],
    ['leaves inner blanks alone', { trailingSpace: 'trim' }, 'a   b', 'a   b'],
    ['does all of it for true', true, 'e\u0301 \r\n', 'é'],
    ['leaves alone what it does not name', {}, 'e\u0301 \r\n', 'e\u0301 \r\n'],
    ['keeps lone surrogates', true, 'a\ud800 ', 'a\ud800'],
  ] as const)('%s', (_, form, text, expected) => {
    expect(applyTextForm(text, form)).toBe(expected)
    expect(applyTextForm(expected, form)).toBe(expected)
  })

  it('does not take quadratic time on a megabyte of blanks', () => {
    const text = `${' '.repeat(1_000_000)}x`
    expect(applyTextForm(text, true)).toBe(text)
  })

  it('applies to strings in values, and not to property names or Map keys', () => {
    const text = { lineEnds: 'lf' } as const
    expect(digestOf({ a: ['x\r\ny'] }, { text })).toBe(digestOf({ a: ['x\ny'] }))
    expect(digestOf(new Map([['k', 'x\r\ny']]), { text })).toBe(digestOf(new Map([['k', 'x\ny']])))
    expect(digestOf({ 'a\r\n': 1 }, { text })).toBe(digestOf({ 'a\r\n': 1 }))
    expect(digestOf(new Map([['a\r\n', 1]]), { text })).toBe(digestOf(new Map([['a\r\n', 1]])))
  })

  it('is off unless asked for', () => {
    expect(digestOf('a\r\n')).not.toBe(digestOf('a\n'))
  })
})
