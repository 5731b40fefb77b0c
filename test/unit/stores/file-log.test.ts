import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDisk } from '../../../src/stores/file-disk.js'
import { readLine, writeLine } from '../../../src/stores/file-lines.js'
import { createFileLog } from '../../../src/stores/file-log.js'
import type { Frame } from '../../../src/stores/shared-store.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const FILE = '0123456789abcdef0123456789abcdef'
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopstash-log-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function processOf(
  me: string,
  more: { mostBytes?: number; readOnly?: boolean; clock?: ReturnType<typeof createFakeClock> } = {},
) {
  const frames: Frame[] = []
  let gaps = 0
  const log = createFileLog({
    disk: createDisk(folder, me),
    clock: createFakeClock(),
    me,
    readOnly: false,
    onFrame: (frame) => void frames.push(frame),
    onGap: () => void gaps++,
    ...more,
  })
  const bump = (...names: string[]) => log.append({ kind: 'names', sender: me, mode: 'delete', names })
  return { log, bump, frames, gaps: () => gaps }
}

function linesFile(): string {
  const [newest = ''] = readdirSync(folder)
    .filter((name) => name.startsWith('log-'))
    .sort()
    .reverse()
  return join(folder, newest, 'lines')
}

describe('a line of the log', () => {
  it('comes back as it was, whatever names hold', { timeout: 30_000 }, () => {
    const name = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(
        fc.array(fc.oneof(name, fc.constant('\ud800'), fc.constant('%0041 \n')), { minLength: 1 }),
        name,
        (names, token) => {
          for (const line of [
            { kind: 'names', sender: 'me', mode: 'delete', names },
            { kind: 'take', sender: 'me', file: FILE, token, nowMs: 1, untilMs: 2 },
            { kind: 'hold', sender: 'me', file: FILE, token, nowMs: 1, untilMs: 2 },
            { kind: 'free', sender: 'me', file: FILE, token, namespace: token, digest: token, next: 'alone' },
            { kind: 'key', sender: 'me', over: true, file: FILE, namespace: token, digest: token },
          ] as const) {
            const text = writeLine(line as Parameters<typeof writeLine>[0])
            expect(text).toMatch(/^[\x20-\x7e]*$/)
            expect(readLine(text)).toEqual(line)
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  it('is none where only a part of it was written, or it was made up', () => {
    for (const text of [
      '',
      'D',
      'D me',
      'K me 0123',
      'U me',
      'T me x y z',
      `T me ${FILE} t 1`,
      'L me x',
      'M a 1',
      'Q a b',
      '{}',
    ]) {
      expect(readLine(text)).toBeUndefined()
    }
  })
})

describe('the log of a folder', () => {
  it('is read alike by everybody, and tells each of the others', () => {
    const [one, two] = [processOf('one'), processOf('two')]
    one.log.catchUp()
    two.bump('t//a')
    one.bump('t//b', '*')
    two.log.catchUp()
    expect(one.log.book.inc).toBe(two.log.book.inc)
    expect(two.log.book.seq).toBe(one.log.book.seq)
    expect(two.log.book.marker('t//b')).toEqual(one.log.book.marker('t//b'))
    expect(one.frames.map((frame) => 'names' in frame && frame.names)).toEqual([['t//a']])
    expect(two.frames.map((frame) => 'names' in frame && frame.names)).toEqual([['t//b', '*']])
  })

  it('goes on after a line of which its writer died half-way, without the one taking the other with it', () => {
    const [one, two] = [processOf('one'), processOf('two')]
    one.bump('t//a')
    appendFileSync(linesFile(), '\nD two t//hal')
    two.bump('t//b')
    one.log.catchUp()
    expect(one.log.book.seq).toBe(two.log.book.seq)
    expect(one.log.book.marker('t//b').hard).toBe(one.log.book.seq)
  })

  it('hands a token to one process, for as long as it said', () => {
    const [one, two] = [processOf('one'), processOf('two')]
    const take = (who: typeof one, token: string, nowMs: number) =>
      who.log.append({ kind: 'take', sender: 'x', file: FILE, token, nowMs, untilMs: nowMs + 100 })
    expect(() => take(one, 'a', 0)).toThrow()
    one.log.append({ kind: 'take', sender: 'one', file: FILE, token: 'a', nowMs: 0, untilMs: 100 })
    two.log.append({ kind: 'take', sender: 'two', file: FILE, token: 'b', nowMs: 50, untilMs: 150 })
    expect([one, two].map(({ log }) => log.book.token(FILE, 60)?.token)).toEqual(['a', 'a'])
    two.log.append({ kind: 'use', sender: 'two', file: FILE, token: 'b', nowMs: 60 })
    expect(two.log.book.wasUsed).toBe(false)
    two.log.append({ kind: 'use', sender: 'two', file: FILE, token: 'a', nowMs: 60 })
    expect(two.log.book.wasUsed).toBe(true)
    one.log.catchUp()
    expect(one.log.book.token(FILE, 60)).toBeUndefined()
  })

  it('is begun anew when it is long, and nobody misses a line of it', () => {
    const [one, two, late] = [
      processOf('one', { mostBytes: 500 }),
      processOf('two', { mostBytes: 500 }),
      processOf('late'),
    ]
    late.log.catchUp()
    for (let i = 0; i < 900; i++) (i % 2 === 0 ? one : two).bump(`t//${i % 7}`)
    for (const { log } of [one, two, late]) log.catchUp()
    expect(readdirSync(folder).filter((name) => name.startsWith('log-'))).not.toContain('log-1')
    for (const who of [two, late, processOf('new')]) {
      who.log.catchUp()
      expect(who.log.book.seq).toBe(one.log.book.seq)
      for (let i = 0; i < 7; i++) expect(who.log.book.marker(`t//${i}`)).toEqual(one.log.book.marker(`t//${i}`))
    }
    // Whoever was away for several logs knows that he was.
    expect(late.frames.length === 900 || late.gaps() > 0).toBe(true)
    expect(readFileSync(linesFile()).length).toBeLessThan(5000)
  })

  it('keeps live tokens over a new beginning', () => {
    const one = processOf('one', { mostBytes: 500 })
    one.log.append({ kind: 'take', sender: 'one', file: FILE, token: 'a', nowMs: 0, untilMs: 9e15 })
    for (let i = 0; i < 60; i++) one.bump('*')
    const two = processOf('two')
    two.log.catchUp()
    expect(two.log.book.token(FILE, 1)?.token).toBe('a')
  })

  it('does not lose what is appended to a log that has just ended', () => {
    const [one, two] = [processOf('one'), processOf('two')]
    one.bump('t//a')
    two.log.catchUp()
    appendFileSync(linesFile(), '\nZ killed\n')
    two.bump('t//b')
    one.log.catchUp()
    expect(one.log.book.marker('t//b').hard).toBe(two.log.book.seq)
    expect(linesFile()).toMatch(/log-2/)
  })

  it('numbers what comes after lost lines higher than anything before, however lately they were lost', async () => {
    const clock = createFakeClock()
    const one = processOf('one', { clock })
    for (let i = 0; i < 10; i++) one.bump('*')
    const seen = one.log.book.seq
    // A power failure, or a copy made while it was in use: every process of now began after it.
    truncateSync(linesFile(), 60)
    await clock.advance(1)
    const two = processOf('two', { clock })
    two.bump('t//a')
    expect(two.log.book.marker('t//a').hard).toBeGreaterThan(seen)
  })

  it.each(['', '\n', 'hopstash-log 1 AAAAAAAAAAAAAAAA 5 0\r\n', '\0'.repeat(300), '\nZ me\n'])(
    'begins another life in a log that has no beginning: %j',
    (text) => {
      const one = processOf('one')
      one.bump('*')
      const { inc } = one.log.book
      const lives = [inc]
      for (const name of ['two', 'three']) {
        writeFileSync(linesFile(), text)
        const reader = processOf(`reader-${name}`, { readOnly: true })
        reader.log.catchUp()
        const [next, other] = [processOf(name), processOf(`${name}-too`)]
        next.bump('t//a')
        other.bump('t//a')
        next.log.catchUp()
        expect(next.log.book.inc).toMatch(/^[\w-]{16}$/)
        expect(other.log.book.inc).toBe(next.log.book.inc)
        expect(other.log.book.marker('t//a')).toEqual(next.log.book.marker('t//a'))
        expect(reader.log.book.inc).not.toBe(next.log.book.inc)
        lives.push(next.log.book.inc, reader.log.book.inc)
      }
      expect(new Set(lives).size).toBe(5)
    },
  )

  it('takes no number after which none could follow', () => {
    const one = processOf('one')
    one.bump('t//a')
    appendFileSync(linesFile(), '\nL damaged 9999999999999999\n')
    one.bump('t//b')
    one.bump('t//c')
    expect(one.log.book.marker('t//c').hard).toBe(one.log.book.marker('t//b').hard + 1)
  })

  it.each([-1, 1e16, Infinity, Number.NaN])('takes invalidations whatever the clock says: %d', (wall) => {
    const one = processOf('one', { clock: { ...createFakeClock(), wall: () => wall } })
    one.bump('t//a')
    one.bump('t//b')
    expect(one.log.book.marker('t//b').hard).toBe(one.log.book.marker('t//a').hard + 1)
  })

  it('begins another life where it was emptied while it was in use', () => {
    const [one, two] = [processOf('one'), processOf('two')]
    one.bump('t//a', 't//with-a-name-that-is-long')
    two.bump('t//a')
    const { inc } = one.log.book
    truncateSync(linesFile(), 0)
    one.log.checkThere()
    expect(one.gaps()).toBe(1)
    expect(one.log.book.inc).not.toBe(inc)
    two.bump('t//b')
    one.bump('t//c')
    two.log.catchUp()
    expect(one.log.book.inc).toBe(two.log.book.inc)
    expect(two.log.book.marker('t//c')).toEqual(one.log.book.marker('t//c'))
  })

  it('begins another life where its lines were removed by hand, for who had them open, too', () => {
    const one = processOf('one')
    one.bump('t//a')
    const { inc } = one.log.book
    rmSync(linesFile())
    const reader = processOf('reader', { readOnly: true })
    reader.log.catchUp()
    expect(reader.log.book.inc).not.toBe(inc)
    const two = processOf('two')
    two.bump('t//b')
    expect(two.log.book.inc).not.toBe(inc)
    one.bump('t//c')
    expect(one.log.book.inc).toBe(two.log.book.inc)
    expect(one.log.book.marker('t//c').hard).toBeGreaterThan(one.log.book.marker('t//b').hard)
  })

  it('numbers on from the clock, and says that lines were lost, where an older copy of it was put in its place', async () => {
    const clock = createFakeClock()
    const one = processOf('one', { clock })
    one.bump('*')
    const copy = readFileSync(linesFile())
    for (let i = 0; i < 10; i++) one.bump('t//a')
    const seen = one.log.book.seq
    await clock.advance(1)
    const path = linesFile()
    rmSync(path)
    writeFileSync(path, copy)
    one.bump('t//b')
    expect(one.log.book.marker('t//b').hard).toBeGreaterThan(seen)
    expect(one.gaps()).toBe(1)
    // As above, but found by a look.
    const late = one.log.book.seq
    await clock.advance(1)
    rmSync(path)
    writeFileSync(path, copy)
    one.log.checkThere()
    one.bump('t//c')
    expect(one.log.book.marker('t//c').hard).toBeGreaterThan(late)
    expect(one.gaps()).toBe(2)
  })

  it('begins another life where the folder was taken away', () => {
    const one = processOf('one')
    one.bump('*')
    const { inc } = one.log.book
    rmSync(folder, { recursive: true })
    one.bump('t//a')
    expect(one.log.book.inc).not.toBe(inc)
    expect(one.gaps()).toBe(1)
    rmSync(folder, { recursive: true })
    one.log.checkThere()
    expect(one.gaps()).toBe(2)
  })

  it('writes nothing where it must not, and still reads', () => {
    const reader = processOf('reader', { readOnly: true })
    reader.log.catchUp()
    expect(readdirSync(folder)).toEqual([])
    expect(() => reader.bump('*')).toThrow(/read-only/)
  })

  it('forgets the names longest untouched beyond a bound, and what was loaded before them is over', () => {
    const one = processOf('one')
    for (let i = 0; i < 3; i++) one.bump(...Array.from({ length: 8000 }, (_, at) => `t//${i}-${at}`))
    const last = one.log.book.seq
    expect(one.log.book.marker('t//never').hard).toBe(last - 2)
    expect(one.log.book.marker('t//2-1').hard).toBe(last)
    expect(one.log.book.size).toBe(20_000)
  })
})
