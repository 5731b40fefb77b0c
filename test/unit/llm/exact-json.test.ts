import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describeRequest } from '../../../src/llm/describe-request.js'
import { lostByParsing } from '../../../src/llm/exact-json.js'

type Node = string | { readonly items: readonly Node[] } | Members
interface Members {
  readonly members: readonly (readonly [name: string, value: Node])[]
}

const NUMBERS = ['0', '-0', '0.0', '1', '1.0', '1e0', '1E0', '10', '1e1', '0.1', '0.10', '-1.5', '100000', '1e5']
const INEXACT = ['1e400', '1e500', '-1e400', '1e-400', '0e5', '9007199254740993', '0.1000000000000000055', '123e-2']
const LARGE = ['9007199254740992', '1e+21', '1e21', '1000000000000000000000', '123456789012345', '1234567890123456']
const TEXTS = [
  '""',
  '"a"',
  '"1.0"',
  '"1e400"',
  '"\\\\"',
  '"\\""',
  '"{\\"a\\":1,\\"a\\":2}"',
  '"\\\\\\":"',
  'true',
  'null',
]

const node: fc.Arbitrary<Node> = fc.letrec<{ node: Node; object: Members }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...NUMBERS, ...INEXACT, ...LARGE),
    fc.constantFrom(...TEXTS),
    fc.array(tie('node'), { maxLength: 3 }).map((items) => ({ items })),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(fc.constantFrom('a', 'b', '__proto__', 'c"'), tie('node')), { maxLength: 3 })
    .map((members) => ({ members })),
})).node
const body = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), node), { maxLength: 3 }).map((members) => ({ members }))
const gaps = fc.infiniteStream(fc.constantFrom('', '', '', ' ', '\n\t'))

const keyOf = async (text: string): Promise<string | undefined> => {
  const headers = { 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: text }
  return (await describeRequest('https://host.test/any', init, { accept: () => true }))?.key
}

describe('two bodies share a key', () => {
  it('exactly where they say the same, whatever their order of names and their whitespace', async () => {
    const property = fc.asyncProperty(body, fc.nat(), node, gaps, async (one, place, value, gap) => {
      const same = written(turned(one), gap)
      const text = written(one)
      const is = (await keyOf(text)) === (await keyOf(same))
      expect(is).toBe(!repeats(one) || text === same)
      const other = replaced(one, { left: place }, value) as Members
      const isAlso = (await keyOf(text)) === (await keyOf(written(other)))
      const isSame = repeats(one) || repeats(other) ? text === written(other) : meaning(one) === meaning(other)
      expect(isAlso).toBe(isSame)
    })
    await fc.assert(property, { numRuns: 2000 })
  })

  it.each([
    ['a name twice', '{"a":1,"a":2}', '{"a":2}'],
    ['a name twice with the same value', '{"a":2,"a":2}', '{"a":2}'],
    ['a name twice, deep down', '{"a":[{"b":{"c":1,"c":2}}]}', '{"a":[{"b":{"c":2}}]}'],
    ['a name twice in another spelling', '{"a":1,"\\u0061":2}', '{"a":2}'],
    ['names of what is dropped', '{"a":{"b":1,"c":2},"a":{}}', '{"a":{}}'],
    ['infinite numbers', '{"a":1e400}', '{"a":1e500}'],
    ['infinite numbers in each other\u2019s place', '{"a":1e400,"b":1e500}', '{"a":1e500,"b":1e400}'],
    ['numbers that are nothing', '{"a":1e-400}', '{"a":0}'],
    ['large whole numbers', '{"a":9007199254740993}', '{"a":9007199254740992}'],
    [
      'the same in each other\u2019s place',
      '[9007199254740993,9007199254740992]',
      '[9007199254740992,9007199254740993]',
    ],
    ['long fractions', '{"a":0.1000000000000000055}', '{"a":0.1}'],
    ['a fraction and a whole number', '{"a":1.0}', '{"a":1}'],
    ['zeros', '{"a":-0}', '{"a":0}'],
    ['a number and its text', '{"a":1e400}', '{"a":"1e400"}'],
  ])('never: %s', async (_what, one, other) => {
    const inside = (text: string): string => `{"body":${text}}`
    expect(await keyOf(inside(one))).not.toBe(await keyOf(inside(other)))
    expect(await keyOf(inside(one))).toBe(await keyOf(inside(one)))
  })
})

describe('what parsing loses', () => {
  it('is nothing of what `JSON.stringify` writes', () => {
    const property = fc.property(fc.json({ maxDepth: 4 }), (text) => {
      const value = JSON.parse(text)
      expect(lostByParsing(JSON.stringify(value), value)).toBeUndefined()
      expect(lostByParsing(JSON.stringify(value, undefined, 2), value)).toBeUndefined()
    })
    fc.assert(property, { numRuns: 1000 })
  })

  it('is looked for in one pass, however a text is made', () => {
    for (const text of [
      JSON.stringify({ a: '\\'.repeat(2_000_000) }),
      JSON.stringify({ a: '"'.repeat(2_000_000) }),
      JSON.stringify({ a: `[-${'1'.repeat(2_000_000)}` }),
      `{"a":${' '.repeat(2_000_000)}1}`,
    ]) {
      expect(lostByParsing(text, JSON.parse(text))).toBeUndefined()
    }
    const digits = '1'.repeat(200_000)
    expect(lostByParsing(`{"a":${digits}}`, JSON.parse(`{"a":${digits}}`))).toEqual({ a: digits })
  }, 60_000)
})

/** Reads what a host may say of it: fields that are left out are left out of bodies with such numbers, too. */
it('a field that counts for nothing counts for nothing beside an inexact number', async () => {
  const init = (trace: string) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"model":"m","temperature":1.0,"messages":[],"user":${trace}}`,
  })
  const described = (trace: string) => describeRequest('https://host.test/chat/completions', init(trace))
  const [one, other] = [await described('"a"'), await described('"b"')]
  expect(one?.key).toBe(other?.key)
})

it('a description repeats nothing of what is scrubbed', async () => {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"m","messages":[],"password":"hunter2","password":"hunter2","seed":1e400}',
  }
  const described = await describeRequest('https://host.test/chat/completions', init)
  expect(described?.text).toContain('[scrubbed]')
  expect(described?.text).not.toContain('hunter2')
})

function written(value: Node, gap?: fc.Stream<string>): string {
  const pause = (): string => (gap === undefined ? '' : (gap.next().value ?? ''))
  const write = (node: Node): string => {
    if (typeof node === 'string') return pause() + node + pause()
    if ('items' in node) return `[${node.items.map(write).join(',') || pause()}]`
    const members = node.members.map(([name, inner]) => `${pause()}${JSON.stringify(name)}${pause()}:${write(inner)}`)
    return `{${members.join(',') || pause()}}`
  }
  return write(value)
}

function turned(value: Node): Node {
  if (typeof value === 'string') return value
  if ('items' in value) return { items: value.items.map(turned) }
  return { members: value.members.map(([name, inner]) => [name, turned(inner)] as const).reverse() }
}

/** What a body says, in one order. */
function meaning(value: Node): string {
  if (typeof value === 'string') return value
  if ('items' in value) return `[${value.items.map(meaning).join(',')}]`
  const members = value.members.map(([name, inner]) => `${JSON.stringify(name)}:${meaning(inner)}`)
  return `{${members.sort().join(',')}}`
}

function repeats(value: Node): boolean {
  if (typeof value === 'string') return false
  if ('items' in value) return value.items.some(repeats)
  const names = value.members.map(([name]) => name)
  return new Set(names).size < names.length || value.members.some(([, inner]) => repeats(inner))
}

/** The same with another value at one place. */
function replaced(value: Node, place: { left: number }, by: Node): Node {
  if (typeof value === 'string') return place.left-- === 0 ? by : value
  if ('items' in value) return { items: value.items.map((item) => replaced(item, place, by)) }
  return { members: value.members.map(([name, inner]) => [name, replaced(inner, place, by)] as const) }
}
