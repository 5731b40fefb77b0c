import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import config from '../../vitest.config.js'

const projects = (config.test?.projects ?? []).map((project) => (project as { test: { name: string } }).test.name)

test('every test file lies in the folder of a project, so that none is left out of a run', () => {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'))
  const tests = files.filter((file) => /\.(test|test-d)\.ts$/.test(file))
  expect(tests.length).toBeGreaterThan(0)
  expect(tests.filter((file) => !projects.includes(file.split('/')[0]!))).toEqual([])
})
