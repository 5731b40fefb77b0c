import { expect, test } from 'vitest'
import { type Block, blocksOf, examplesOf } from './doctest-blocks.js'
import { runBlock } from './doctest-run.js'
import { typeErrorsIn } from './doctest-types.js'

const load = (specifier: string): Promise<unknown> => import(specifier)
const block = (code: string): Block => ({ where: 'page.md:10', file: 'page.md', line: 10, code })

test.each([
  '1 + 1 // => 2',
  'const pair = [1, 2] // => [1, 2]',
  "await Promise.resolve('late') // => 'late'",
  "console.log('shown') // => 'shown'",
  "import { parseDuration } from 'hopstash'\nparseDuration('2s') // => 2000",
  "import { parseDuration as parse } from 'hopstash'\nparse('soon') // => throws ERR_OPTION_INVALID",
  'null.x // => throws TypeError',
  'export const one = 1\none // => 1',
  'const f = (n: number) => {\n  n // => 3\n}\nf(3)',
  'sum(\n  1,\n  2,\n) // => 3\nfunction sum(a: number, b: number) { return a + b }',
])('a program whose claims hold passes: %s', async (code) => {
  await runBlock(block(code), load)
})

test.each([
  ['1 + 1 // => 3', /line 10/],
  ['1\n1 + 1 // => 3', /line 11/],
  ['const pair = [1, 2] // => [2, 1]', /line 10/],
  ['if (false) {\n  1 // => 1\n}', /claims that were compared/],
  ['1 // => throws TypeError', /nothing was thrown/],
  ['null.x // => throws ERR_CLOSED', /TypeError/],
  ['// => 1', /1 claims stand behind no statement/],
  ["throw new Error('on its own')", /on its own/],
])('a program with a claim that does not hold fails: %s', async (code, message) => {
  await expect(runBlock(block(code), load)).rejects.toThrow(message)
})

test('a program that does not compile is named with its line', () => {
  const errors = typeErrorsIn([block("const text = 'a'\ntext.lenght"), block('const text = 1')])
  expect(errors).toEqual([expect.stringMatching(/^page\.md:11 .*'lenght' does not exist/)])
})

test('a page is a list of programs, continued where it says so', () => {
  const page =
    '# Page\n```ts\nlet a = 1\n```\ntext\n```ts continued\na++\n```\n```sh\nls\n```\n```ts no-run\n// not run: slow\nx\n```\n'
  expect(blocksOf('page.md', page)).toEqual([
    { where: 'page.md:3', file: 'page.md', line: 3, code: 'let a = 1\n\n\n\na++\n' },
  ])
})

test.each([
  ['```ts no-run\nx\n```\n', /page\.md:2: begin with/],
  ['```ts continued\nx\n```\n', /page\.md:2: there is no block to continue/],
  ['```ts norun\nx\n```\n', /'norun'/],
])('a fence marked wrongly is an error: %s', (page, message) => {
  expect(() => blocksOf('page.md', page)).toThrow(message)
})

test('an example reaches to the end of its docstring, or to the next tag', () => {
  const source = '\n/**\n * Adds.\n *\n * @example\n * add(1, 2) // => 3\n * @see elsewhere\n */\nfunction add() {}\n'
  expect(examplesOf('add.ts', source)).toEqual([
    { where: 'add.ts:6', file: 'add.ts', line: 6, code: 'add(1, 2) // => 3' },
  ])
})
