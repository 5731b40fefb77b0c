import { expect, it } from 'vitest'
import { readJson } from '../../../src/codec/json-reader.js'
import { stopOf } from '../../../src/codec/stop.js'

const LIMITS = { maxBytes: 1024 * 1024, maxDepth: 5 }
const read = (text: string, limits = LIMITS) => readJson(Buffer.from(text), limits)
const refusal = (text: string, limits = LIMITS) => {
  try {
    return read(text, limits)
  } catch (error) {
    return stopOf(error).kind
  }
}

it.each(['[[[[[1]]]]]', '{"a":{"b":[{"c":{}}]}}'])('reads plain text as deep as the limit: %s', (text) => {
  expect(read(text)).toEqual(JSON.parse(text))
})

it.each(['[[[[[[1]]]]]]', '{"a":{"b":[{"c":{"d":{}}}]}}', '["costs $5",[[[[["$"]]]]]]'])(
  'and no deeper: %s',
  (text) => {
    expect(refusal(text)).toBe('depth')
  },
)

it('weighs what a small limit makes heavy, with tags and without', () => {
  const text = JSON.stringify(Array.from({ length: 100 }, () => []))
  expect(refusal(text, { maxBytes: 1000, maxDepth: 5 })).toBe('size')
  expect(read(text, { maxBytes: 3000, maxDepth: 5 })).toHaveLength(100)
})

it('knows a tag however its sign is spelt, and a dollar that is none', () => {
  expect(read('{"\\u0024date":"2026-01-01T00:00:00.000Z"}')).toEqual(new Date('2026-01-01'))
  expect(read('{"price":"$5","$$of":1}')).toEqual({ price: '$5', $of: 1 })
  expect(refusal('{"$nothing":1}')).toBe('malformed')
})

it('gives a property named __proto__ to nobody else', () => {
  const value = read('{"__proto__":{"x":1}}') as { x?: number }
  expect([value.x, Object.keys(value)]).toEqual([undefined, ['__proto__']])
})
