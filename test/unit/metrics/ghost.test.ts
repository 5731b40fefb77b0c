import { describe, expect, it } from 'vitest'
import { Ghost } from '../../../src/metrics/ghost.js'

describe('Ghost', () => {
  it('remembers the last cause of a key, and forgets it by telling', () => {
    const ghost = new Ghost<'a' | 'b'>(10)
    ghost.note('k', 'a')
    ghost.note('k', 'b')
    expect(ghost.peek('k')).toBe('b')
    expect(ghost.take('k')).toBe('b')
    expect(ghost.take('k')).toBeUndefined()
  })

  it('remembers no more than its bound, the oldest out first, and admits it', () => {
    const ghost = new Ghost<'a'>(3)
    for (const id of ['1', '2', '3']) ghost.note(id, 'a')
    expect(ghost.forgot).toBe(false)
    ghost.note('1', 'a')
    ghost.note('4', 'a')
    expect(ghost.forgot).toBe(true)
    expect([ghost.peek('1'), ghost.peek('2'), ghost.peek('4')]).toEqual(['a', undefined, 'a'])
  })

  it('tells keys apart that differ in length, at the start or at the end', () => {
    const ghost = new Ghost<'a'>(1000)
    const middle = 'x'.repeat(500)
    ghost.note(`a${middle}b`, 'a')
    for (const other of [`b${middle}b`, `a${middle}c`, `a${middle}xb`, '', 'a'])
      expect(ghost.peek(other)).toBeUndefined()
  })
})
