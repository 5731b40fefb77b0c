import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createFileStore } from '../../src/stores/file.js'
import type { Event } from '../support/file-worker.js'

const WORKER = fileURLToPath(new URL('../support/file-worker.ts', import.meta.url))
const OPERATIONS = Number(process.env.SCALE ?? 1) * 10_000
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopstash-processes-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function start(name: string, seed: number, count: number): ChildProcess {
  const args = ['--import', 'tsx', WORKER, folder, name, String(seed), String(count)]
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

const ended = (child: ChildProcess) => new Promise<number | null>((resolve) => child.on('exit', resolve))
const eventsOf = (name: string): Event[] => JSON.parse(readFileSync(join(folder, `events-${name}.json`), 'utf8'))

it('four processes read nothing torn, and nothing older than what had been answered before they asked', async () => {
  const names = ['a', 'b', 'c', 'd']
  const codes = await Promise.all(names.map((name, index) => ended(start(name, 7 + index, OPERATIONS))))
  expect(codes).toEqual([0, 0, 0, 0])
  const events = names.flatMap(eventsOf)
  const ends = new Map<string, Event[]>()
  for (const event of events) if (event.kind === 'end') ends.set(event.of, [...(ends.get(event.of) ?? []), event])
  for (const list of ends.values()) list.sort((x, y) => x.to - y.to)
  const reads = events.filter(({ kind }) => kind === 'read')
  const wrong = reads.filter(({ of, from, seq }) =>
    of.split(' ').some((name) => (ends.get(name) ?? []).some((end) => end.to < from && end.seq > seq)),
  )
  expect(wrong).toEqual([])
  expect(reads.length).toBeGreaterThan(OPERATIONS / 2)
  const files = readdirSync(join(folder, 'hopstash-v1', 'entries'), { recursive: true })
  expect(files.filter((file) => String(file).includes('draft'))).toEqual([])
}, 120_000)

it('goes on whole after writers were killed at any moment', async () => {
  for (let round = 0; round < 6; round++) {
    const child = start('k', 100 + round, 1_000_000)
    const end = ended(child)
    await expect.poll(() => readdirSync(folder).includes('hopstash-v1'), { timeout: 20_000 }).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 300 + 37 * round))
    child.kill('SIGKILL')
    await end
  }
  // Reads every entry, and says so if one is torn.
  expect(await ended(start('z', 3, 3000))).toBe(0)
  const store = createFileStore({ folder })
  await store.bump(['*'], 'delete')
  await store.close()
}, 120_000)
