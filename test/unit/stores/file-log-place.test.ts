import { execFileSync } from 'node:child_process'
import type * as fs from 'node:fs'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createDisk } from '../../../src/stores/file-disk.js'
import { createFileLog } from '../../../src/stores/file-log.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

// Whoever is root may write whatever the rights say, so the system is made to say no.
const system = vi.hoisted(() => ({ isReadOnly: false }))
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  const openSync: typeof fs.openSync = (path, flags, mode) => {
    const isToWrite = typeof flags === 'number' && (flags & real.constants.O_RDWR) !== 0
    if (system.isReadOnly && isToWrite) throw Object.assign(new Error('EROFS: read-only'), { code: 'EROFS' })
    return real.openSync(path, flags, mode)
  }
  return { ...real, openSync }
})

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopstash-place-'))
  system.isReadOnly = false
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function processOf(me: string, readOnly = false) {
  const told: string[] = []
  const onFrame = ({ kind }: { kind: string }) => void told.push(kind)
  const options = { clock: createFakeClock(), me, readOnly, onFrame, onGap: () => void told.push('gap') }
  const log = createFileLog({ disk: createDisk(folder, me), ...options })
  const bump = (name: string) => log.append({ kind: 'names', sender: me, mode: 'delete', names: [name] })
  return { log, bump, told }
}

it('is written as soon as it may be, by who had found it read-only, and who is told of nothing twice', () => {
  const one = processOf('one')
  one.bump('n/a')
  system.isReadOnly = true
  const two = processOf('two')
  two.log.catchUp()
  expect(() => two.bump('n/b')).toThrow(/read-only/)
  system.isReadOnly = false
  two.bump('n/b')
  one.bump('n/c')
  two.log.catchUp()
  expect(two.told).toEqual(['names', 'names'])
  one.log.catchUp()
  expect(one.told).toEqual(['names'])
  expect(two.log.book.seq).toBe(one.log.book.seq)
})

it('is another one, where it was replaced while it could not be written', () => {
  const one = processOf('one')
  one.bump('n/a')
  system.isReadOnly = true
  const two = processOf('two')
  two.log.catchUp()
  system.isReadOnly = false
  rmSync(join(folder, 'log-1'), { recursive: true })
  const three = processOf('three')
  three.bump('n/b')
  two.bump('n/c')
  expect([two.log.book.inc, two.told.includes('gap')]).toEqual([three.log.book.inc, true])
})

it.each([false, true])('is no pipe, which nobody would ever write into; read-only: %s', (readOnly) => {
  mkdirSync(join(folder, 'log-1'))
  execFileSync('mkfifo', [join(folder, 'log-1/lines')])
  expect(() => processOf('one', readOnly).log.catchUp()).toThrow()
})
