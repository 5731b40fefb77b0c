import { describe, expect, it } from 'vitest'
import { cached } from '../../../src/cache/cached.js'
import { namespace, preset } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { never, open } from './fixture.js'

describe('cached', () => {
  const later = async (): Promise<undefined> => undefined

  it('calls the function once for equal arguments, and again for others', async () => {
    const { things } = open()
    const calls: unknown[] = []
    const add = cached(
      async (a: number, b: { n: number }) => {
        calls.push([a, b])
        return a + b.n
      },
      { in: things, name: 'add' },
    )
    expect([await add(1, { n: 2 }), await add(1, { n: 2 }), await add(2, { n: 2 })]).toEqual([3, 3, 4])
    expect(calls).toHaveLength(2)
  })

  it('keeps name and length of the function', () => {
    const { things } = open()
    async function evaluate(_job: string, _resume: object): Promise<number> {
      return 1
    }
    const evaluateCached = cached(evaluate, { in: things })
    expect([evaluateCached.name, evaluateCached.length]).toEqual(['evaluate', 2])
  })

  it('passes `this` and all arguments on', async () => {
    const { things } = open()
    const host = {
      factor: 3,
      times: cached(
        async function (this: { factor: number }, ...numbers: number[]) {
          return numbers.map((n) => n * this.factor)
        },
        { in: things, name: 'times' },
      ),
    }
    expect(await host.times(1, 2)).toEqual([3, 6])
  })

  it('tells arguments apart that look alike, and does not count trailing undefined', async () => {
    const { things } = open()
    let calls = 0
    const count = cached(async (..._args: unknown[]) => ++calls, { in: things, name: 'count' })
    const distinct = [['a'], [['a']], ['a', 'b'], ['a,b'], [1], ['1'], [null], [], [{ a: 1 }]]
    const results = []
    for (const args of distinct) results.push(await count(...args))
    expect(new Set(results).size).toBe(distinct.length)
    expect(await count('a', undefined)).toBe(results[0])
    expect(await count(undefined)).toBe(results[7])
  })

  it('never lets two functions of one namespace, or direct use, serve each other', async () => {
    const { things } = open()
    const one = cached(async (_key: string) => 'one', { in: things, name: 'one' })
    const two = cached(async (_key: string) => 'two', { in: things, name: 'two' })
    await things.set('k', 'direct')
    expect([await one('k'), await two('k'), things.peek('k')]).toEqual(['one', 'two', 'direct'])
    await one.delete('k')
    expect([one.peek('k'), two.peek('k'), things.peek('k')]).toEqual([undefined, 'two', 'direct'])
  })

  it('refuses a second function of one name in a namespace, says what to do, and allows it elsewhere', () => {
    const { things, others } = open()
    const make = (host: typeof things) => cached(async () => 1, { in: host, name: 'same' })
    make(things)
    expect(() => make(things)).toThrow(
      expect.objectContaining({ code: 'ERR_NAME_TAKEN', message: expect.stringContaining('hot reload') }),
    )
    expect(() => make(others)).not.toThrow()
  })

  it('refuses an anonymous function without a name', () => {
    const { things } = open()
    expect(() => cached(async () => 1, { in: things })).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }))
  })

  it.each([
    [{ in: undefined }],
    [{ in: {} }],
    [{ tll: '1h' }],
    [{ ttl: '5 parsecs' }],
    [{ ttl: -1 }],
    [{ tags: [''] }],
    [{ key: later }],
    [{ tags: later }],
    [{ subject: later }],
  ])('refuses the options %j at once', (options) => {
    const { things } = open()
    expect(() => cached(async () => 1, { in: things, name: 'f', ...options } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    )
  })

  it('offers key, fresh, peek, delete and expire for the same arguments', async () => {
    const { things } = open({ staleIfError: '1h' })
    let calls = 0
    const count = cached(async (_key: string) => ++calls, { in: things, name: 'count' })
    expect(count.key('k')).toBe('hopstash:things:v1:~fn.count:k')
    expect(count.peek('k')).toBeUndefined()
    expect(await count('k')).toBe(1)
    expect(count.peek('k')).toBe(1)
    expect(await count.fresh('k')).toBe(2)
    expect(await count('k')).toBe(2)
    expect(await count.expire('k')).toMatchObject({ memory: 'done' })
    expect(count.peek('k')).toBeUndefined()
    expect(await count('k')).toBe(3)
    expect(await count.delete('k')).toMatchObject({ memory: 'done' })
    expect(await count('k')).toBe(4)
  })

  it('shares one call among concurrent callers and does not keep a rejection', async () => {
    const { things } = open()
    let calls = 0
    const flaky = cached(
      async (_key: string) => {
        calls++
        if (calls === 1) throw new Error('first')
        return 'fine'
      },
      { in: things, name: 'flaky' },
    )
    const [a, b] = await Promise.allSettled([flaky('k'), flaky('k')])
    expect([a?.status, b?.status, calls]).toEqual(['rejected', 'rejected', 1])
    expect(await flaky('k')).toBe('fine')
  })

  it('takes ttl and tags for its results, tags also from the arguments', async () => {
    const { things, clock } = open({ ttl: '1h' })
    const short = cached(async (key: string) => key, { in: things, name: 'short', ttl: '1m', tags: ['fixed'] })
    const tagged = cached(async (key: string) => key, { in: things, name: 'tagged', tags: (key) => [`key:${key}`] })
    await short('a')
    await tagged('a')
    await tagged('b')
    await things.invalidateTags(['key:a'])
    expect([tagged.peek('a'), tagged.peek('b'), short.peek('a')]).toEqual([undefined, 'b', 'a'])
    await clock.advance(60_000)
    expect(short.peek('a')).toBeUndefined()
    await short('a')
    await things.invalidateTags(['fixed'])
    expect(short.peek('a')).toBeUndefined()
  })

  it('goes through uncached, and counted, where the function that builds its key or tags throws', async () => {
    const { things } = open()
    const broken = (): never => {
      throw new Error('broken')
    }
    let calls = 0
    const byTags = cached(async () => ++calls, { in: things, name: 'tags', tags: broken })
    const byKey = cached(async () => ++calls, { in: things, name: 'key', key: broken })
    expect([await byTags(), await byTags(), await byKey(), await byKey.fresh()]).toEqual([1, 2, 3, 4])
    expect(byKey.peek()).toBeUndefined()
    expect(things.stats()).toMatchObject({ size: 0, bypassed: 5, missCauses: { bypass: 4 } })
    // A removal that cannot tell what to remove must not look like one that did.
    await expect(byKey.delete()).rejects.toThrow('broken')
    await expect(byKey.expire()).rejects.toThrow('broken')
  })

  it.each([['resume:42'], [[5]], [{}]])('goes through uncached, and counted, where its tags are %j', async (tags) => {
    const { things } = open()
    let calls = 0
    const count = cached(async () => ++calls, { in: things, name: 'count', tags: () => tags as never })
    expect([await count(), await count()]).toEqual([1, 2])
    expect(things.stats()).toMatchObject({ size: 0, bypassed: 2 })
  })

  it('rejects in strict mode where the function that builds its key or tags throws', async () => {
    const { things } = open({ strict: true })
    const broken = (): never => {
      throw new Error('broken')
    }
    const byTags = cached(never, { in: things, name: 'tags', tags: broken })
    const byKey = cached(never, { in: things, name: 'key', key: broken })
    await expect(byTags()).rejects.toThrow('broken')
    await expect(byKey()).rejects.toThrow('broken')
    expect(() => byKey.peek()).toThrow('broken')
  })

  it('with a key goes by the rules of its namespace: key parts, tags and ttl', async () => {
    const stash = createStash({ clock: createFakeClock(), namespaces: { evaluation: preset('evaluation') } })
    let calls = 0
    const evaluate = cached(async (_jobId: string, _resume: object, _traceId: string) => ++calls, {
      in: stash.evaluation,
      name: 'evaluate',
      key: (jobId, resume) => ({ jobId, resume, resumeId: '42' }),
    })
    await evaluate('j1', { name: 'a' }, 'trace 1')
    expect(await evaluate('j1', { name: 'a' }, 'trace 2')).toBe(1)
    expect(evaluate.key('j1', { name: 'a' }, '')).toMatch(/^hopstash:evaluation:v1:~fn\.evaluate:eval:j1:/)
    await stash.invalidateTags(['resume:42'])
    expect(evaluate.peek('j1', { name: 'a' }, '')).toBeUndefined()
  })

  it('without a key still carries the fixed tags of its namespace, as the feed does', async () => {
    const stash = createStash({ clock: createFakeClock(), namespaces: { jobFeed: preset('jobFeed') } })
    const list = cached(async (page: number) => [page], { in: stash.jobFeed, name: 'list' })
    await list(1)
    await stash.jobFeed.invalidateTags(['feed'])
    expect(list.peek(1)).toBeUndefined()
  })

  it('is in the registry', () => {
    const { things, stash } = open()
    cached(async () => 1, { in: things, name: 'described', description: 'what it does' })
    expect(stash.registry.get('function', 'things/described')).toMatchObject({ description: 'what it does' })
  })

  it('bypasses on arguments without a canonical form', async () => {
    const { things } = open()
    let calls = 0
    const count = cached(async (_callback: () => void) => ++calls, { in: things, name: 'count' })
    expect([await count(() => undefined), await count(() => undefined)]).toEqual([1, 2])
    expect(things.stats().bypassed).toBe(2)
  })
})

describe('cached.method', () => {
  it('caches a method, with `this`, shared by all instances', async () => {
    const { things } = open()
    const calls: string[] = []
    class Renderer {
      readonly name: string
      constructor(name: string) {
        this.name = name
      }

      @cached.method({ in: things })
      async render(id: string, _resume: object): Promise<string> {
        calls.push(this.name)
        return `${id} by ${this.name}`
      }
    }
    const [one, two] = [new Renderer('one'), new Renderer('two')]
    expect(await one.render('a', {})).toBe('a by one')
    expect(await two.render('a', {})).toBe('a by one')
    expect(await two.render('b', {})).toBe('b by two')
    expect(calls).toEqual(['one', 'two'])
  })

  it('takes a key that tells instances apart, a name, and refuses a taken one', async () => {
    const { things, stash } = open()
    class Renderer {
      @cached.method({ in: things, name: 'Renderer.render', key: (id: string) => ({ id }) })
      async render(id: string): Promise<string> {
        return id
      }
    }
    expect(await new Renderer().render('a')).toBe('a')
    expect(stash.registry.get('function', 'things/Renderer.render')).toBeDefined()
    expect(() => {
      class Second {
        @cached.method({ in: things, name: 'Renderer.render' })
        async render(id: string): Promise<string> {
          return id
        }
      }
      return Second
    }).toThrow(expect.objectContaining({ code: 'ERR_NAME_TAKEN' }))
  })
})

describe('cached in a class field', () => {
  it('as a decorator keeps `this` and shares entries among instances, for arrows and functions', async () => {
    const { things } = open()
    class Renderer {
      readonly name: string
      constructor(name: string) {
        this.name = name
      }

      @cached.method({ in: things })
      render = async (id: string): Promise<string> => `${id} by ${this.name}`

      @cached.method({ in: things })
      print = async function (this: Renderer, id: string): Promise<string> {
        return `${id} of ${this.name}`
      }
    }
    const [one, two] = [new Renderer('one'), new Renderer('two')]
    const { render } = one
    expect([await render('a'), await two.render('a'), await two.render('b')]).toEqual([
      'a by one',
      'a by one',
      'b by two',
    ])
    expect([await one.print('a'), await two.print('a')]).toEqual(['a of one', 'a of one'])
    expect([one.render.name, one.render.length]).toEqual(['render', 1])
    expect(things.stats()).toMatchObject({ size: 3, hits: 2 })
  })

  it('as a function made by each instance is refused from the second on, with what to do', () => {
    const { things } = open()
    class Renderer {
      readonly name = 'one'
      readonly render = cached(async (id: string) => `${id} by ${this.name}`, { in: things, name: 'render' })
    }
    expect(new Renderer().render).toBeTypeOf('function')
    expect(() => new Renderer()).toThrow(/@cached\.method/)
  })

  it('one made outside keeps `this` as a method of whatever holds it', async () => {
    const { things } = open()
    const render = cached(
      async function (this: { name: string }, id: string) {
        return `${id} by ${this.name}`
      },
      { in: things, name: 'render' },
    )
    class Renderer {
      readonly name = 'one'
      readonly render = render
    }
    expect(await new Renderer().render('a')).toBe('a by one')
    expect(await new Renderer().render('a')).toBe('a by one')
    expect(things.stats().loads).toBe(1)
  })

  it('a decorator of anything else is refused when the class is made, a field without a function when it is', async () => {
    const { things } = open()
    const decorate = cached.method({ in: things, name: 'x' }) as unknown as (
      ...args: unknown[]
    ) => (value: unknown) => unknown
    expect(() => decorate(() => 1, { kind: 'getter', name: 'x' })).toThrow(
      /a standard decorator of a method or a field/,
    )
    expect(() => decorate({}, 'x', {})).toThrow(/experimentalDecorators/)
    const field = decorate(undefined, { kind: 'field', name: 'x' })
    expect(() => field('text')).toThrow(/^Expected `x` to be a function/)
  })
})

describe('a scope of the namespace', () => {
  it('partitions a cached function that has a key', async () => {
    const stash = createStash({
      clock: createFakeClock(),
      namespaces: {
        letters: namespace<string, { user: string; job: string }>({
          scope: ({ user }) => user,
          requireScope: true,
          key: ({ job }) => [job],
        }),
      },
    })
    const write = cached(async (user: string, job: string) => `${job} for ${user}`, {
      in: stash.letters,
      name: 'write',
      key: (user, job) => ({ user, job }),
    })
    expect([await write('a', 'j'), await write('b', 'j')]).toEqual(['j for a', 'j for b'])
    expect(write.key('a', 'j')).not.toBe(write.key('b', 'j'))
  })
})
