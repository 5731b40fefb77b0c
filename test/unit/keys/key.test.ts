import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { canonicalBytes } from '../../../src/keys/canonicalize.js'
import { digest, digestOf } from '../../../src/keys/digest.js'
import { argumentsInput, createKeyer } from '../../../src/keys/key.js'

const plain = createKeyer<unknown>({ namespace: 'general' })
const parted = createKeyer<readonly unknown[]>({ namespace: 'general', parts: (parts) => parts })
const textOf = (...parts: unknown[]) => parted.text(parted.id(parts)).slice('hopstash:general:v1:'.length)

describe('an id', () => {
  it('is the string itself where the input is a short string', () => {
    for (const input of ['', 'a', 'job 42: {*}', 'é\ud800', 'x'.repeat(128)]) expect(plain.id(input)).toBe(input)
  })

  it('is encoded where a string begins as an encoded one would, or is long', () => {
    for (const input of ['\u0000', '\u0001abc', '\u0002f\u0000a', 'x'.repeat(129)]) {
      expect(plain.id(input)).not.toBe(input)
      expect(plain.id(input).length).toBeLessThan(64)
    }
    expect(plain.id('\u0001~t')).not.toBe(plain.id(true))
  })

  it('of a number, boolean or null needs no digest', () => {
    expect([42, -0, 1.5, true, false, null, undefined, 10n].map((input) => plain.id(input))).toEqual(
      ['~n42', '~n0', '~n1.5', '~t', '~f', '~null', '~u', '~i10'].map((text) => `\u0001${text}`),
    )
  })

  it('of a structure is its digest', () => {
    expect(plain.id({ a: 1 })).toBe(`\u0001${digestOf({ a: 1 })}`)
  })

  it('keeps every string of hostile characters apart, in the process and in the store', () => {
    const raws = [
      '',
      'a',
      'a:b',
      'a%3Ab',
      '~t',
      '~e',
      '{a}',
      'a*',
      'a?',
      '[a]',
      '\u0000',
      '\u0001',
      '\u0001a',
      '\u0002a\u0000b',
      '\ud800',
      '\udbff',
      '\ufffd',
      'é',
      '__proto__',
      'x'.repeat(64),
      'x'.repeat(65),
      digestOf(1),
      ' ',
      'a ',
      '\n',
      'x'.repeat(1_000_000),
    ]
    const inputs = [...raws, 1, '1', true, null, undefined, 'null', { a: 1 }]
    const ids = inputs.map((input) => plain.id(input))
    expect(new Set(ids).size).toBe(inputs.length)
    const texts = ids.map((id) => plain.text(id))
    expect(new Set(texts).size).toBe(inputs.length)
    for (const text of texts) expect(text).toMatch(/^[\w.@+/=,:%~-]+$/)
  })
})

describe('the parts of a key', () => {
  it('stay readable where they are short, and are escaped', () => {
    expect(textOf('render', 'tpl-1', 42)).toBe('render:tpl-1:~n42')
    expect(textOf('a:b', 'c d', 'é', '~', '%', 'a@b.c/d+e=f,g')).toBe('a%3Ab:c%20d:%C3%A9:%7E:%25:a@b.c/d+e=f,g')
    expect(textOf('{x}', '*?', '[\\]', '\r\n')).toBe('%7Bx%7D:%2A%3F:%5B%5C%5D:%0D%0A')
    expect(textOf('', true, false, null, undefined, 7n)).toBe('~e:~t:~f:~null:~u:~i7')
  })

  it('escape each byte that is not safe, and no other, whatever is beside it', () => {
    const bytes = (text: string) => [...Buffer.from(text)].map((byte) => String.fromCharCode(byte))
    for (let code = 0; code < 0x180; code++) {
      const char = String.fromCharCode(code)
      const safe = /[\w.@+/=,-]/.test(char)
      const escaped = safe
        ? char
        : bytes(char)
            .map((byte) => `%${Buffer.from(byte, 'latin1').toString('hex').toUpperCase()}`)
            .join('')
      expect(textOf(`a${char}b`, `${char}:é`)).toBe(`a${escaped}b:${escaped}%3A%C3%A9`)
    }
  })

  it('become a digest where they are long, structured, or could pass for a digest', () => {
    const lookalike = 'A'.repeat(43)
    expect(textOf('x'.repeat(64))).toBe('x'.repeat(64))
    expect(textOf('x'.repeat(65), { a: 1 }, lookalike, '\ud800')).toBe(
      [digestOf('x'.repeat(65)), digestOf({ a: 1 }), digestOf(lookalike), digestOf('\ud800')].join(':'),
    )
    expect(textOf(digest('short'))).toBe(digestOf('short'))
  })

  it.each([
    [[1], ['1']],
    [['a', 'b'], ['a,b']],
    [['a', 'b'], ['a:b']],
    [['a', 'b'], [['a', 'b']]],
    [['a', ''], ['a']],
    [[], ['']],
    [[], [undefined]],
    [[], ['~']],
    [['~@x'], ['x']],
    [[10n ** 80n], [10n ** 80n + 1n]],
    [[10n], [10]],
  ])('differ where the tuples differ (pair %#)', (a, b) => {
    expect(textOf(...a)).not.toBe(textOf(...b))
    expect(parted.id(a)).not.toBe(parted.id(b))
  })

  it('are refused with the path from the list of parts', () => {
    const refused = (path: string) => expect.objectContaining({ code: 'ERR_KEY_UNSUPPORTED', context: { path } })
    expect(() => textOf('a', { b: [() => 0] })).toThrow(refused('$[1].b[0]'))
    expect(() => textOf(Symbol('x'))).toThrow(refused('$[0]'))
    expect(() => plain.id({ a: () => 0 })).toThrow(refused('$.a'))
    const wrong = createKeyer<string>({ namespace: 'x', parts: (() => 'a') as never })
    expect(() => wrong.id('a')).toThrow(refused('$'))
  })
})

describe('a scope', () => {
  it('is a hard partition that no part can imitate', () => {
    expect(plain.text(plain.id('a', 'tenant 1'))).toBe('hopstash:general:v1:~@tenant%201:a')
    const ids = [
      plain.id('a'),
      plain.id('a', ''),
      plain.id('a', 'a'),
      plain.id('a', 'b'),
      plain.id('b:a'),
      plain.id('~@b:a'),
      plain.id('a', 'b:c'),
      plain.id('c:a', 'b'),
      parted.id(['~@b', 'a']),
      parted.id(['b', 'a']),
      parted.id(['x'], 'b'),
      plain.id({ a: 1 }, 'a'),
      plain.id({ a: 1 }, 'b'),
      plain.id(1, 'b'),
      plain.named('f').id('a', 'b'),
      plain.named('f').id('a'),
    ]
    expect(new Set(ids).size).toBe(ids.length)
    expect(new Set(ids.map((id) => plain.text(id))).size).toBe(ids.length)
  })

  it('is not merged with another by a text form', () => {
    const keyer = createKeyer<string>({ namespace: 'x', text: true })
    expect(keyer.id('a', 'e\u0301')).not.toBe(keyer.id('a', 'é'))
    expect(keyer.named('e\u0301').id('a')).not.toBe(keyer.named('é').id('a'))
  })
})

describe('a named keyer', () => {
  it('never shares a key with another name, a nested one, or direct use', () => {
    const inputs = ['a', 'f\u0000a', 1, ['a'], { a: 1 }, 'x'.repeat(500), '\u0001']
    const keyers = [
      plain,
      plain.named('f'),
      plain.named('g'),
      plain.named('f').named('g'),
      plain.named('f:~fn.g'),
      plain.named(''),
      plain.named('f\u0000'),
      plain.named('y'.repeat(100)),
    ]
    const ids = keyers.flatMap((keyer) => inputs.map((input) => keyer.id(input)))
    ids.push(parted.id(['f', 'a']), parted.id(['~fn.f', 'a']), parted.named('f').id(['f', 'b']))
    expect(new Set(ids).size).toBe(ids.length)
    expect(new Set(ids.map((id) => plain.text(id))).size).toBe(ids.length)
  })

  it('reads well', () => {
    const keyer = plain.named('evaluate')
    expect(keyer.text(keyer.id('job 1'))).toBe('hopstash:general:v1:~fn.evaluate:job%201')
    expect(keyer.text(keyer.id('job 1', 't'))).toBe('hopstash:general:v1:~@t:~fn.evaluate:job%201')
    expect(keyer.text(keyer.id(42))).toBe('hopstash:general:v1:~fn.evaluate:~n42')
  })
})

describe('the stored text', () => {
  it('carries prefix, namespace and version, none of which can imitate the next', () => {
    const text = (options: object) => {
      const keyer = createKeyer<string>({ namespace: 'ns', ...options })
      return keyer.text(keyer.id('x'))
    }
    expect(text({})).toBe('hopstash:ns:v1:x')
    expect(text({ prefix: 'jobs', version: 3 })).toBe('jobs:ns:v1.3:x')
    expect(text({ version: '2.1 beta' })).toBe('hopstash:ns:v1.2.1%20beta:x')
    expect(text({ prefix: 'a:b', namespace: 'v1' })).toBe('a%3Ab:v1:v1:x')
    expect(text({ prefix: '{a}', namespace: 'n*' })).toBe('%7Ba%7D:n%2A:v1:x')
  })

  it('shows no string input, and no digest anyone could test, where there is a secret', () => {
    const keyer = createKeyer<unknown>({ namespace: 'ns', secret: 'top' })
    const expected = createHmac('sha256', 'top').update(canonicalBytes('prompt')).digest('base64url')
    expect(keyer.id('prompt')).toBe('prompt')
    expect(keyer.text(keyer.id('prompt'))).toBe(`hopstash:ns:v1:${expected}`)
    expect(keyer.text(keyer.named('f').id('prompt'))).toBe(`hopstash:ns:v1:~fn.f:${expected}`)
    expect(keyer.text(keyer.id('prompt', 's'))).toBe(`hopstash:ns:v1:~@s:${expected}`)
    for (const input of ['\u0001x', 'x'.repeat(500), { a: 1 }]) {
      expect(keyer.text(keyer.id(input))).toBe(`hopstash:ns:v1:${digestOf(input, { secret: 'top' })}`)
    }
    const marked = createKeyer<string>({ namespace: 'ns', secret: 'top', parts: (input) => ['a', digest(input)] })
    expect(marked.text(marked.id('prompt'))).toBe(`hopstash:ns:v1:a:${expected}`)
  })

  it('follows the text form, in the process too', () => {
    const keyer = createKeyer<unknown>({ namespace: 'ns', text: { lineEnds: 'lf' } })
    expect(keyer.id('a\r\nb')).toBe(keyer.id('a\nb'))
    expect(keyer.id({ a: 'x\r\n' })).toBe(keyer.id({ a: 'x\n' }))
    expect(keyer.named('f').id('a\r\nb')).toBe(keyer.named('f').id('a\nb'))
    expect(keyer.text(keyer.id('a\r\nb'))).toBe(keyer.text('a\nb'))
    expect(plain.id('a\r\nb')).not.toBe(plain.id('a\nb'))
  })
})

describe('a label', () => {
  it('is short, stable, and shows nothing of the key', () => {
    const id = plain.id('prompt')
    expect(plain.label(id)).toMatch(/^[\w-]{16}$/)
    expect(plain.label(id)).toBe(createKeyer({ namespace: 'general' }).label(id))
    expect(plain.label(id)).not.toBe(createKeyer({ namespace: 'general', secret: 's' }).label(id))
    expect(plain.label(id)).not.toBe(createKeyer({ namespace: 'other' }).label(id))
  })
})

describe('the input for the arguments of a function', () => {
  it('drops trailing undefined and takes a single scalar as itself', () => {
    expect(argumentsInput(['a'])).toBe('a')
    expect(argumentsInput(['a', undefined, undefined])).toBe('a')
    expect(argumentsInput([null])).toBe(null)
    expect(argumentsInput([])).toEqual([])
    expect(argumentsInput([undefined])).toEqual([])
    expect(argumentsInput([undefined, 1])).toEqual([undefined, 1])
  })

  it('keeps every distinct list of arguments apart', () => {
    const lists = [
      [],
      ['a'],
      [['a']],
      [[['a']]],
      ['a', 'b'],
      [['a', 'b']],
      [1],
      ['1'],
      [[1]],
      [null],
      [[]],
      [{}],
      [undefined, 'a'],
      ['a', null],
    ]
    const keyer = plain.named('f')
    expect(new Set(lists.map((list) => keyer.id(argumentsInput(list)))).size).toBe(lists.length)
  })
})
