import { describe, expect, it } from 'vitest'
import { diffKeys } from '../../../src/keys/diff-keys.js'
import { digestOf } from '../../../src/keys/digest.js'
import { explainKey } from '../../../src/keys/explain.js'
import { keyForm } from '../../../src/keys/key-form.js'

const canonical = (value: unknown) => explainKey(value).canonical

describe('explainKey', () => {
  it('shows the canonical form, the digest and the size', () => {
    const input = { b: [1, 'x'], a: undefined, c: -0 }
    expect(explainKey(input)).toEqual({
      canonical: '{"b":[1,"x"],"c":0}',
      digest: digestOf(input),
      bytes: expect.any(Number),
    })
    expect(explainKey(input, { secret: 's' }).digest).toBe(digestOf(input, { secret: 's' }))
    expect(explainKey('a\r\n', { text: true })).toEqual(explainKey('a'))
  })

  it.each([
    [undefined, '{"$undefined":true}'],
    [Number.NaN, '{"$number":"NaN"}'],
    [12n, '{"$bigint":"12"}'],
    [new Date(0), '{"$date":"1970-01-01T00:00:00.000Z"}'],
    [new Date('no'), '{"$date":"invalid"}'],
    [
      new Map<unknown, unknown>([
        ['b', 1],
        ['a', { c: 2 }],
      ]),
      '{"$map":[["a",{"c":2}],["b",1]]}',
    ],
    [new Set(['b', 'a']), '{"$set":["a","b"]}'],
    [Uint8Array.of(1), '{"$typedArray":["Uint8Array","AQ=="]}'],
    [Buffer.of(1), '{"$buffer":"AQ=="}'],
    [Uint8Array.of(1).buffer, '{"$arrayBuffer":"AQ=="}'],
    [new DataView(Uint8Array.of(1).buffer), '{"$dataView":"AQ=="}'],
    [new URL('https://a.example/b'), '{"$url":"https://a.example/b"}'],
    [/a/gi, '{"$regexp":["a","gi"]}'],
    [withHole(), '[{"$undefined":true},{"$hole":true},null]'],
    [{ $date: 'x', $$a: 1 }, '{"$$$a":1,"$$date":"x"}'],
    [JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
    ['\ud800', '"\\ud800"'],
  ])('tags what JSON lacks: %s', (value, text) => {
    expect(canonical(value)).toBe(text)
  })

  it('names the class of a value with a form', () => {
    class Money {
      [keyForm]() {
        return { cents: 5 }
      }
    }
    expect(canonical([new Money()])).toBe('[{"$form":["Money",{"cents":5}]}]')
  })

  it('refuses what has no key', () => {
    expect(() => explainKey({ a: () => 0 })).toThrow(expect.objectContaining({ code: 'ERR_KEY_UNSUPPORTED' }))
  })
})

describe('diffKeys', () => {
  it('finds nothing between inputs with one key', () => {
    expect(
      diffKeys(
        {
          a: 1,
          b: [
            new Map([
              [1, 2],
              [3, 4],
            ]),
          ],
        },
        {
          b: [
            new Map([
              [3, 4],
              [1, 2],
            ]),
          ],
          a: 1,
          c: undefined,
        },
      ),
    ).toEqual([])
  })

  it('names every path that differs, with both values', () => {
    const a = { model: 'x', messages: [{ content: 'hi' }, 1], only: null, when: new Date(0), map: new Map([['k', 1]]) }
    const b = { model: 'x', messages: [{ content: 'ho' }], when: new Date(1), map: new Map([['k', 2]]), 'odd name': 1n }
    expect(diffKeys(a, b)).toEqual([
      { path: '$.map.get("k")', a: '1', b: '2' },
      { path: '$.messages[0].content', a: '"hi"', b: '"ho"' },
      { path: '$.messages[1]', a: '1', b: '(absent)' },
      { path: '$["odd name"]', a: '(absent)', b: '{"$bigint":"1"}' },
      { path: '$.only', a: 'null', b: '(absent)' },
      { path: '$.when', a: '{"$date":"1970-01-01T00:00:00.000Z"}', b: '{"$date":"1970-01-01T00:00:00.001Z"}' },
    ])
  })

  it('tells types, holes and kinds apart', () => {
    expect(diffKeys(1, '1')).toEqual([{ path: '$', a: '1', b: '"1"' }])
    expect(diffKeys([1], { 0: 1 })).toEqual([{ path: '$', a: '[1]', b: '{"0":1}' }])
    expect(diffKeys(new Array(1), [undefined])).toEqual([{ path: '$[0]', a: '(hole)', b: '{"$undefined":true}' }])
    expect(diffKeys([], new Array(1))).toEqual([{ path: '$[0]', a: '(absent)', b: '(hole)' }])
    expect(diffKeys(Buffer.of(1), Uint8Array.of(1))).toHaveLength(1)
  })

  it('shows the place where long texts begin to differ, in 120 characters', () => {
    const [difference] = diffKeys(
      `${'x'.repeat(5_000)} at 10:15 ${'y'.repeat(500)}`,
      `${'x'.repeat(5_000)} at 10:16 ${'y'.repeat(500)}`,
    )
    expect(difference?.a).toContain('at 10:15')
    expect(difference?.b).toContain('at 10:16')
    expect(difference?.a.length).toBeLessThanOrEqual(120)
    expect(diffKeys('x'.repeat(500), 'z')[0]?.a.length).toBeLessThanOrEqual(120)
  })

  it('respects the text form', () => {
    expect(diffKeys({ a: 'x\r\n' }, { a: 'x' }, { text: true })).toEqual([])
  })

  it('stops after 100 differences', () => {
    const range = (step: number) => Array.from({ length: 1_000 }, (_, index) => index * step)
    expect(diffKeys(range(2), range(3))).toHaveLength(100)
  })

  it('says so where a value has no key, and never throws', () => {
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    let deep: unknown = 1
    for (let level = 0; level < 5_000; level++) deep = [deep]
    const f = () => 0
    expect(diffKeys({ f }, { f })).toEqual([
      { path: '$.f', a: '(unsupported: a function)', b: '(unsupported: a function)' },
    ])
    expect(diffKeys(cyclic, cyclic)).toEqual([
      { path: '$.self', a: '(unsupported: a cycle)', b: '(unsupported: a cycle)' },
    ])
    expect(diffKeys(deep, deep)).toHaveLength(1)
    const throwing = {
      get a() {
        throw new Error('secret')
      },
    }
    expect(JSON.stringify(diffKeys(throwing, { a: 1 }))).not.toContain('secret')
    expect(diffKeys(throwing, { a: 1 })[0]?.a).toContain('unsupported')
    expect(diffKeys(new Map([[f, 1]]), new Map([[f, 1]]))).toHaveLength(1)
  })
})

function withHole(): unknown[] {
  const list = [undefined, 1, null]
  delete list[1]
  return list
}
