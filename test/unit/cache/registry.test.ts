import { describe, expect, it } from 'vitest'
import { createRegistry } from '../../../src/cache/registry.js'
import { createStash } from '../../../src/cache/stash.js'

describe('createRegistry', () => {
  const item = { kind: 'hop', name: 'p/a', category: 'scoring', tags: ['x', 'y'], description: 'A' } as const

  it('finds items by kind and name, by category and by tag', () => {
    const registry = createRegistry()
    registry.register(item)
    registry.register({ kind: 'function', name: 'p/a', tags: ['y'] })
    expect(registry.get('hop', 'p/a')).toEqual(item)
    expect(registry.get('pipeline', 'p/a')).toBeUndefined()
    expect(registry.byCategory('scoring')).toHaveLength(1)
    expect(registry.byTag('y').map(({ kind }) => kind)).toEqual(['hop', 'function'])
    expect(registry.byTag('none')).toEqual([])
    expect(registry.list()).toHaveLength(2)
    expect(registry.list('function')).toHaveLength(1)
  })

  it('refuses a second item of one kind and name, and says what to do on hot reload', () => {
    const registry = createRegistry()
    registry.register(item)
    expect(() => registry.register(item)).toThrow(
      expect.objectContaining({ code: 'ERR_NAME_TAKEN', message: expect.stringContaining('registry.remove(') }),
    )
  })

  it('forgets an item in every index, so that it may be registered anew', () => {
    const registry = createRegistry()
    registry.register(item)
    expect(registry.remove('hop', 'p/a')).toBe(true)
    expect(registry.remove('hop', 'p/a')).toBe(false)
    expect([registry.byTag('x'), registry.byCategory('scoring'), registry.list()]).toEqual([[], [], []])
    expect(() => registry.register(item)).not.toThrow()
  })

  it('clears all', () => {
    const registry = createRegistry()
    registry.register(item)
    registry.clear()
    expect([registry.byTag('x'), registry.byCategory('scoring'), registry.list()]).toEqual([[], [], []])
  })

  it('takes nothing more once it is sealed', () => {
    const registry = createRegistry()
    registry.seal()
    expect(registry.sealed).toBe(true)
    expect(() => registry.register(item)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
  })

  it('keeps items nobody can change', () => {
    const registry = createRegistry()
    const tags = ['x']
    const registered = registry.register({ kind: 'hop', name: 'a', tags })
    tags.push('later')
    expect(registered.tags).toEqual(['x'])
    expect(Object.isFrozen(registered) && Object.isFrozen(registered.tags)).toBe(true)
    expect(registry.byTag('later')).toEqual([])
  })

  it('of a stash knows its namespaces with category and description', () => {
    const { registry } = createStash()
    expect(registry.list('namespace')).toHaveLength(12)
    expect(registry.get('namespace', 'evaluation')).toMatchObject({ category: 'evaluation' })
    expect(registry.byCategory('jobs').map(({ name }) => name)).toEqual(['jobFeed', 'jobSearch', 'job'])
    expect(registry.list().every(({ description }) => typeof description === 'string')).toBe(true)
  })
})
