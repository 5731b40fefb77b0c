import { describe, expect, it } from 'vitest'
import { copyWithRoom, joined } from '../../../src/codec/head-room.js'

const header = Buffer.from('a header')
const bytes = Buffer.from('some bytes')

describe('copyWithRoom', () => {
  it('copies, and shows nothing of what was in the memory before', () => {
    const copy = copyWithRoom(bytes)
    expect(copy).toEqual(bytes)
    copy[0] = 0
    expect(bytes.toString()).toBe('some bytes')
    expect(new Uint8Array(copy.buffer, 0, copy.byteOffset).every((byte) => byte === 0)).toBe(true)
  })
})

describe('joined', () => {
  it('puts a header before bytes with room, without copying them', () => {
    const body = copyWithRoom(bytes)
    const whole = joined(header, body)
    expect(whole.toString()).toBe('a headersome bytes')
    expect(whole.buffer).toBe(body.buffer)
    expect(body).toEqual(bytes)
  })

  it('copies where the room is taken: the first write may still be on its way', () => {
    const body = copyWithRoom(bytes)
    const first = joined(header, body)
    const second = joined(Buffer.from('another header'), body)
    expect(second.toString()).toBe('another headersome bytes')
    expect(first.toString()).toBe('a headersome bytes')
  })

  it.each([
    ['bytes of others', Buffer.alloc(26, 'xxxxxxxxxxxxxxxxsome bytes').subarray(16)],
    ['a part of bytes with room', copyWithRoom(Buffer.from('not some bytes')).subarray(4)],
  ])('copies %s', (_, body) => {
    const before = Buffer.from(new Uint8Array(body.buffer))
    const whole = joined(header, body)
    expect(whole.toString()).toBe('a headersome bytes')
    expect(Buffer.from(new Uint8Array(body.buffer))).toEqual(before)
  })

  it('copies where the header is larger than the room', () => {
    const large = Buffer.alloc(5000, 'h')
    expect(joined(large, copyWithRoom(bytes))).toEqual(Buffer.concat([large, bytes]))
  })
})
