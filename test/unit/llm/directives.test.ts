import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { directives, type LlmDirectives, readDirectives } from '../../../src/llm/directives.js'

const read = (given: LlmDirectives) => readDirectives(directives(given)['x-hopstash'] ?? '')

describe('directives', () => {
  it('come out of the header as they went in', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => value.isWellFormed())
    const given = fc.record(
      {
        ttl: fc.constantFrom('5m' as const, 500, Infinity),
        maxAge: fc.constantFrom('1h' as const, 0),
        sample: fc.nat(99),
        scope: text,
        subject: text,
        tags: fc.array(text, { minLength: 1, maxLength: 3 }),
        forceFresh: fc.constant(true),
        noStore: fc.constant(true),
        onlyIfCached: fc.constant(true),
        staleIfError: fc.constant('1d' as const),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(given, (asked) => {
        expect(read(asked)).toEqual(asked)
      }),
    )
  })

  it('are one plain header line whatever they hold', () => {
    const header = directives({ scope: 'a, b=c\r\nx: y', tags: ['é ü', '%'] })
    expect(header['x-hopstash']).toMatch(/^[\x21-\x7e ]+$/)
    expect(() => new Headers(header)).not.toThrow()
  })

  it('may be written by hand', () => {
    expect(readDirectives('No-Store,max-age=60000, sample=2 , force-fresh=false')).toEqual({
      noStore: true,
      maxAge: 60_000,
      sample: 2,
      forceFresh: false,
    })
    expect(readDirectives('')).toEqual({})
  })

  it.each([
    ['max-agee=5m', 'Did you mean `max-age`?'],
    ['max-age=5 parsecs', 'max'],
    ['max-age', 'maxAge'],
    ['sample=-1', 'sample'],
    ['sample=1.5', 'sample'],
    ['no-store=maybe', 'noStore'],
    ['scope', 'scope'],
    ['constructor=1', 'constructor'],
  ])('refuse %s', (header, hint) => {
    expect(() => readDirectives(header)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }))
    expect(() => readDirectives(header)).toThrow(hint)
  })

  it('refuse what is none when they are made', () => {
    for (const given of [
      null,
      undefined,
      'sample=1',
      [],
      { samples: 1 },
      { sample: '1' },
      { ttl: -1 },
      { tags: 'a' },
      { noStore: 'yes' },
      { scope: '' },
    ]) {
      expect(() => directives(given as unknown as LlmDirectives)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
      )
    }
  })
})
