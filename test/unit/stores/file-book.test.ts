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

it('says from which number on it has forgotten no key that was ended', () => {
  const book = createFileBook('me')
  const head = (seq: number) => book.take({ kind: 'head', inc: 'a'.repeat(16), seq, floor: 0 })
  const end = (file: string) =>
    book.take({ kind: 'key', sender: 'other', over: true, file, namespace: 'things', digest: file })
  head(1)
  for (let i = 0; i < 500; i++) end(`f${i}`)
  expect([book.forgottenUntil, book.overUntil('f0')]).toEqual([1, 2])
  end('f500')
  expect([book.forgottenUntil, book.overUntil('f0')]).toEqual([2, 0])
  head(book.seq)
  expect(book.forgottenUntil).toBe(2)
  // The logs between this and the last one were gone before they were read.
  head(5000)
  expect(book.forgottenUntil).toBe(5000)
})
