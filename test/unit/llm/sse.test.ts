import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readEvents } from '../../../src/llm/sse.js'

it('reads names, joined data lines and the default name; comments, ids and unknown fields are no data', () => {
  const text = ': hi\nevent: a\ndata: 1\ndata: 2\nid: 7\nretry: 5\n\ndata:3\n\nevent: b\n\ndata\n\n'
  expect(readEvents(text)).toEqual([
    { name: 'a', data: '1\n2' },
    { name: 'message', data: '3' },
    { name: 'message', data: '' },
  ])
})

it('an event without a blank line behind it was cut', () => {
  expect(readEvents('data: 1\n\ndata: 2\n')).toHaveLength(1)
  expect(readEvents('data: 1\n\ndata: 2')).toHaveLength(1)
})

it('one space behind the colon is none of the data, and a mark of byte order is none of the stream', () => {
  expect(readEvents('\ufeffdata:  x\n\n')).toEqual([{ name: 'message', data: ' x' }])
})

it('newlines may be of any form, mixed', () => {
  const newline = fc.constantFrom('\n', '\r\n', '\r')
  const datum = fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text))
  fc.assert(
    fc.property(fc.array(fc.tuple(datum, newline), { maxLength: 8 }), (events) => {
      const text = events.map(([data, end]) => `data: ${data}${end}${end}`).join('')
      // A lone \r before a \n of the next line would read as one newline; no event here begins with one.
      expect(readEvents(text).map(({ data }) => data)).toEqual(events.map(([data]) => data))
    }),
  )
})
