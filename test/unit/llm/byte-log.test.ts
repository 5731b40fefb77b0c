import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteLog, type LogReader } from '../../../src/llm/byte-log.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const settled = () => new Promise((resolve) => setImmediate(resolve))

async function rest(reader: LogReader): Promise<string> {
  let text = ''
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
    text += new TextDecoder().decode(chunk)
  }
  return text
}

describe('a byte log', () => {
  it('gives every reader everything from the beginning, whenever it came', async () => {
    const log = new ByteLog(1_000)
    const early = rest(log.read())
    log.append(bytes('a'))
    const later = rest(log.read())
    await settled()
    log.append(bytes('b'))
    log.end()
    expect(await Promise.all([early, later, rest(log.read())])).toEqual(['ab', 'ab', 'ab'])
    expect(new TextDecoder().decode(log.whole())).toBe('ab')
  })

  it('gives what there is before it tells of a failure', async () => {
    const log = new ByteLog(1_000)
    const reader = log.read()
    log.append(bytes('a'))
    log.fail(new Error('cut'))
    expect(await reader.next()).toEqual(bytes('a'))
    await expect(reader.next()).rejects.toThrow('cut')
    log.append(bytes('late'))
    log.end()
    await expect(reader.next()).rejects.toThrow('cut')
  })

  it('fails one reader and no other', async () => {
    const log = new ByteLog(1_000)
    const [one, two] = [log.read(), log.read()]
    const waiting = one.next()
    one.fail(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    log.append(bytes('a'))
    await expect(one.next()).rejects.toThrow('left')
    expect(await two.next()).toEqual(bytes('a'))
  })

  it('within the bound a writer never waits, and everything is held', async () => {
    const log = new ByteLog(10)
    log.read()
    log.append(bytes('0123456789'))
    await log.room()
    expect([log.overflowed, log.held]).toEqual([false, 10])
  })

  it('past the bound it holds what the slowest has not read, and the writer waits for him', async () => {
    const log = new ByteLog(10_000)
    const [slow, fast] = [log.read(), log.read()]
    for (const letter of 'abc') log.append(bytes(letter.repeat(5_000)))
    let hasRoom = false
    const room = log.room().then(() => {
      hasRoom = true
    })
    for (let chunk = 0; chunk < 3; chunk++) await fast.next()
    await settled()
    expect([log.overflowed, log.held, hasRoom]).toEqual([true, 15_000, false])
    await slow.next()
    expect(log.held).toBe(10_000)
    await settled()
    expect(hasRoom).toBe(false)
    await slow.next()
    await room
    expect(log.held).toBe(5_000)
  })

  it('a slow reader that leaves gives room, as do the end and a failure', async () => {
    for (const act of [
      (_log: ByteLog, slow: LogReader) => slow.leave(),
      (log: ByteLog) => log.end(),
      (log: ByteLog) => log.fail(1),
    ]) {
      const log = new ByteLog(1)
      const slow = log.read()
      log.append(bytes('aaaa'))
      const room = log.room()
      act(log, slow)
      await room
    }
  })

  it('with a bound of nothing lets the writer on as soon as everybody has read', async () => {
    const log = new ByteLog(0)
    const text = rest(log.read())
    for (const part of ['a', 'b', 'c']) {
      log.append(bytes(part))
      await log.room()
    }
    log.end()
    expect(await text).toBe('abc')
  })

  it('tells its beginning without the rest', () => {
    const log = new ByteLog(1_000)
    for (const part of ['ab', 'cde', 'f']) log.append(bytes(part))
    const beginnings = [0, 1, 2, 4, 6, 100].map((most) => new TextDecoder().decode(log.whole(most)))
    expect(beginnings).toEqual(['', 'a', 'ab', 'abcd', 'abcdef', 'abcdef'])
  })

  it('keeps small chunks together: whoever comes late, or falls behind, reads few', async () => {
    for (const limit of [1_000_000, 100]) {
      const log = new ByteLog(limit)
      const reader = log.read()
      const single = new Uint8Array(1)
      for (let at = 0; at < 100_000; at++) {
        single[0] = at % 251
        log.append(single)
      }
      log.end()
      let [chunks, read] = [0, 0]
      for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
        expect([chunk[0], chunk.at(-1)]).toEqual([read % 251, (read + chunk.length - 1) % 251])
        read += chunk.length
        chunks++
      }
      expect(read).toBe(100_000)
      expect(chunks).toBeLessThan(30)
    }
  })

  it('gives who keeps up every chunk as it comes', async () => {
    const log = new ByteLog(1_000)
    const reader = log.read()
    for (const text of ['a', 'bc', 'd']) {
      log.append(bytes(text))
      expect(await reader.next()).toEqual(bytes(text))
    }
  })

  it('gives every reader chunks of his own, also of a `Buffer`, whose slices are none', async () => {
    for (const size of [10, 10_000]) {
      const log = new ByteLog(1_000_000)
      log.append(Buffer.alloc(size, 'a'))
      log.end()
      const chunk = await log.read().next()
      chunk?.fill(0)
      expect(await rest(log.read())).toBe('a'.repeat(size))
    }
  })

  it('without readers holds nothing past the bound', async () => {
    const log = new ByteLog(4)
    for (let chunk = 0; chunk < 100; chunk++) {
      log.append(bytes('aaaa'))
      await log.room()
    }
    expect(log.held).toBe(0)
  })

  it('holds for any interleaving of a writer and readers of any pace', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { maxLength: 60 }),
        fc.integer({ min: 1, max: 30 }),
        async (moves, limit) => {
          const log = new ByteLog(limit)
          const readers = [log.read(), log.read(), log.read()]
          const read = ['', '', '']
          let written = ''
          for (const [step, move] of moves.entries()) {
            const reader = readers[move]
            if (reader === undefined) {
              const text = `${step};`
              const isBlocked = log.overflowed && written.length - Math.min(...read.map((part) => part.length)) >= limit
              if (isBlocked) continue
              written += text
              log.append(bytes(text))
            } else if ((read[move] ?? '').length < written.length) {
              read[move] += new TextDecoder().decode(await reader.next())
            }
            expect(log.held).toBeLessThanOrEqual(limit + 4)
          }
          log.end()
          for (const [index, reader] of readers.entries()) expect(read[index] + (await rest(reader))).toBe(written)
        },
      ),
      { numRuns: 200 },
    )
  })
})
