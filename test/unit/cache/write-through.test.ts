import { describe, expect, it } from 'vitest'
import { createLoads, never, open } from './fixture.js'

interface Save {
  readonly value: unknown
  resolve(value?: unknown): void
  reject(reason: unknown): void
}

function createSaves() {
  const calls: Save[] = []
  const save = (value: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      calls.push({ value, resolve, reject })
    })
  return { save, call: (index: number): Save => calls[index] as Save }
}

describe('writeThrough', () => {
  it('saves first, then stores; until then readers get the old value', async () => {
    const { things } = open()
    await things.set('k', 'old')
    const saves = createSaves()
    const writing = things.writeThrough('k', 'new', saves.save)
    expect(things.peek('k')).toBe('old')
    saves.call(0).resolve()
    expect(await writing).toBe('new')
    expect(things.peek('k')).toBe('new')
  })

  it('stores and returns what the system of record made of the value', async () => {
    const { things } = open()
    expect(await things.writeThrough('k', { n: 1 }, () => ({ n: 1, id: 7 }))).toEqual({ n: 1, id: 7 })
    expect(things.peek('k')).toEqual({ n: 1, id: 7 })
  })

  it('leaves the old entry alone when saving fails or throws, and rejects with that error', async () => {
    const { things } = open()
    await things.set('k', 'old')
    await expect(things.writeThrough('k', 'new', () => Promise.reject(new Error('db')))).rejects.toThrow('db')
    const throwing = (): never => {
      throw new Error('sync')
    }
    await expect(things.writeThrough('k', 'new', throwing)).rejects.toThrow('sync')
    expect(things.peek('k')).toBe('old')
  })

  it('keeps a load that began before the save ended from bringing the old value back', async () => {
    const { things } = open()
    const saves = createSaves()
    const loads = createLoads()
    const writing = things.writeThrough('k', 'new', saves.save)
    const reading = things.getOrSet('k', loads.loader)
    saves.call(0).resolve()
    await writing
    loads.call(0).resolve('read before the save')
    expect(await reading).toBe('read before the save')
    expect(things.peek('k')).toBe('new')
  })

  it.each([[[0, 1]], [[1, 0]]])(
    'leaves no entry when two saves overlap, ending in the order %j: nobody can tell which the record kept',
    async (order) => {
      const { things } = open()
      const saves = createSaves()
      const writing = [things.writeThrough('k', 'first', saves.save), things.writeThrough('k', 'second', saves.save)]
      for (const index of order) {
        saves.call(index).resolve()
        await writing[index]
      }
      expect(things.peek('k')).toBeUndefined()
      expect(await things.getOrSet('k', () => 'from the record')).toBe('from the record')
    },
  )

  it('stores again after one of two overlapping saves failed and another came', async () => {
    const { things } = open()
    const saves = createSaves()
    const failing = things.writeThrough('k', 'first', saves.save)
    saves.call(0).reject(new Error('db'))
    await expect(failing).rejects.toThrow('db')
    await things.writeThrough('k', 'second', () => undefined)
    expect(things.peek('k')).toBe('second')
  })

  it.each([
    ['set', async ({ things }: ReturnType<typeof open>) => void (await things.set('k', 'set meanwhile'))],
    ['delete', async ({ things }: ReturnType<typeof open>) => void (await things.delete('k'))],
    ['expire', async ({ things }: ReturnType<typeof open>) => void (await things.expire('k'))],
    ['clear', async ({ stash }: ReturnType<typeof open>) => void (await stash.clear())],
    [
      'invalidation of its tag',
      async ({ things }: ReturnType<typeof open>) => void (await things.invalidateTags(['not known yet'])),
    ],
  ])('leaves no entry when a %s came during the save', async (_name, disturb) => {
    const fixture = open()
    const saves = createSaves()
    const writing = fixture.things.writeThrough('k', 'new', saves.save)
    await disturb(fixture)
    saves.call(0).resolve()
    await writing
    expect(fixture.things.peek('k')).toBeUndefined()
  })

  it.each([[{ ttl: '5 parsecs' }], [{ tags: [''] }], [{ unknown: 1 }]])(
    'refuses the options %j before it saves',
    async (options) => {
      const { things } = open()
      await things.set('k', 'old')
      await expect(things.writeThrough('k', 'new', never, options as never)).rejects.toMatchObject({
        code: 'ERR_OPTION_INVALID',
      })
      expect(things.peek('k')).toBe('old')
    },
  )

  it.each([
    [
      'tags',
      {
        tags: () => {
          throw new Error('broken tags')
        },
      },
    ],
    [
      'ttl',
      {
        ttl: () => {
          throw new Error('broken ttl')
        },
      },
    ],
    ['a value nobody can store', {}],
  ])('leaves no stale entry, and does not fail, when the cache cannot store for %s', async (name, options) => {
    const { things } = open(options)
    const value = name.startsWith('a value') ? { run: () => 1 } : 'new'
    if (name.startsWith('a value')) await things.set('k', 'old')
    expect(await things.writeThrough('k', value, () => undefined)).toBe(value)
    expect(things.peek('k')).toBeUndefined()
    expect(await things.set('k', value)).toEqual({ memory: 'failed', store: 'none' })
  })

  it('leaves no old entry when a function of the namespace starts to throw', async () => {
    let broken = false
    const { things } = open({
      tags: () => {
        if (broken) throw new Error('broken')
        return []
      },
    })
    await things.set('k', 'old')
    broken = true
    await things.writeThrough('k', 'new', () => undefined)
    expect(things.peek('k')).toBeUndefined()
  })

  it('on a closed stash does not save', async () => {
    const { things, stash } = open()
    await stash.close()
    await expect(things.writeThrough('k', 1, never)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('that ends after close keeps nothing and still tells its caller', async () => {
    const { things, stash } = open()
    const saves = createSaves()
    const writing = things.writeThrough('k', 'new', saves.save)
    await stash.close()
    saves.call(0).resolve()
    expect(await writing).toBe('new')
    expect(things.stats().size).toBe(0)
  })
})

describe('update', () => {
  it('changes the present value, saves and stores it', async () => {
    const { things } = open()
    await things.set('k', 1)
    const saved: unknown[] = []
    expect(
      await things.update(
        'k',
        (n) => (n as number) + 1,
        (n) => void saved.push(n),
      ),
    ).toBe(2)
    expect(
      await things.update(
        'k',
        async (n) => (n as number) + 1,
        (n) => void saved.push(n),
      ),
    ).toBe(3)
    expect(saved).toEqual([2, 3])
    expect(things.peek('k')).toBe(3)
  })

  it('starts from undefined where there is nothing fresh', async () => {
    const { things } = open()
    expect(
      await things.update(
        'k',
        (n) => n ?? 'first',
        () => undefined,
      ),
    ).toBe('first')
  })

  it('leaves everything as it is when the change or the save fails', async () => {
    const { things } = open()
    await things.set('k', 1)
    await expect(things.update('k', () => Promise.reject(new Error('change')), never)).rejects.toThrow('change')
    await expect(
      things.update(
        'k',
        () => 2,
        () => Promise.reject(new Error('save')),
      ),
    ).rejects.toThrow('save')
    expect(things.peek('k')).toBe(1)
  })
})

describe('set', () => {
  it('replaces, counts, and tells per tier what happened', async () => {
    const { things } = open()
    expect(await things.set('k', 1)).toEqual({ memory: 'done', store: 'none' })
    await things.set('k', 2)
    expect(things.peek('k')).toBe(2)
  })

  it('of undefined removes what is there', async () => {
    const { things } = open()
    await things.set('k', 1)
    await things.set('k', undefined)
    expect(await things.has('k')).toBe(false)
  })

  it('refuses bad options and leaves what is there', async () => {
    const { things } = open()
    await things.set('k', 1)
    for (const options of [{ ttl: 'x' }, { ttl: -1 }, { tags: 'x' }, { tags: [''] }, { staleIfError: Number.NaN }]) {
      await expect(things.set('k', 2, options as never)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
    }
    expect(things.peek('k')).toBe(1)
  })

  it('clears a remembered error', async () => {
    const { things } = open({ negative: { when: () => true, ttl: '1h' } })
    await things.getOrSet('k', () => Promise.reject(new Error('down'))).catch(() => undefined)
    await things.set('k', 1)
    expect(await things.getOrSet('k', never)).toBe(1)
  })

  it('comes in bulk: setMany, getMany and deleteMany are aligned with what they were given', async () => {
    const { things } = open()
    const results = await things.setMany(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    )
    expect(results).toHaveLength(2)
    expect(await things.getMany(['b', 'missing', 'a'])).toEqual([2, undefined, 1])
    expect(await things.deleteMany(['a', 'missing'])).toHaveLength(2)
    expect(await things.getMany(['a', 'b'])).toEqual([undefined, 2])
  })
})
