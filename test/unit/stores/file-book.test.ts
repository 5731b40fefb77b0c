import { expect, it } from 'vitest'
import { createFileBook } from '../../../src/stores/file-book.js'

const key = (sender: string) =>
  ({ kind: 'key', sender, over: true, file: 'f', namespace: 'things', digest: 'd' }) as const

it('tells the number of its own last line apart from that of lines behind it', () => {
  const book = createFileBook('me')
  book.take({ kind: 'head', inc: 'life', seq: 10, floor: 0 })
  book.take(key('me'))
  book.take(key('other'))
  // What this process set under its own number is over; under the present one it would outlive the other's deletion.
  expect([book.ownSeq, book.seq, book.overUntil('f')]).toEqual([11, 12, 12])
  expect(book.ownSeq < book.overUntil('f')).toBe(true)
})

it('keeps the number of its own last line when it ends the log behind lines of others', () => {
  const book = createFileBook('me')
  book.take({ kind: 'head', inc: 'life', seq: 10, floor: 0 })
  book.take(key('me'))
  book.take(key('other'))
  book.take({ kind: 'end', sender: 'me' })
  expect([book.ownSeq, book.overUntil('f')]).toEqual([11, 12])
})
