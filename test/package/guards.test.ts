import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Guard {
  readonly name: string
  readonly file: string
  readonly find: string
  readonly replace: string
  readonly tests: readonly string[]
}

const lists = readdirSync('test/guards').flatMap((file) => /^(.+-guards)\.mjs$/.exec(file)?.[1] ?? [])
const modules = await Promise.all(lists.map((list) => import(`../guards/${list}.mjs`)))
const guards = modules.flatMap((exported) => Object.values(exported) as Guard[][]).flat()

test('the guards have names of their own, and the runner has them all', () => {
  expect(guards.length).toBeGreaterThan(50)
  expect(new Set(guards.map(({ name }) => name)).size).toBe(guards.length)
  const runner = readFileSync('test/guards/guards.mjs', 'utf8')
  expect(lists.filter((list) => !runner.includes(`'./${list}.mjs'`))).toEqual([])
})

test.each(guards)('there is still something to take out for the guard: $name', ({ file, find, replace, tests }) => {
  expect(readFileSync(file, 'utf8').split(find).length - 1).toBe(1)
  expect(replace).not.toBe(find)
  expect(tests.filter((path) => !existsSync(path))).toEqual([])
})
