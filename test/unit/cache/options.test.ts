import { afterEach, describe, expect, it, vi } from 'vitest'
import { namespace, preset, presets } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import { RESERVED_NAMES } from '../../../src/cache/stash-options.js'
import { open } from './fixture.js'

const invalid = expect.objectContaining({ code: 'ERR_OPTION_INVALID', name: 'OptionError' })
const declare = (options: object) => () => createStash({ namespaces: { things: namespace(options) } })

afterEach(() => {
  vi.restoreAllMocks()
})

describe('options of a namespace that cannot be used', () => {
  const later = async (): Promise<undefined> => undefined
  const bad: readonly (readonly [string, unknown])[] = [
    ['ttl', -1],
    ['ttl', Number.NaN],
    ['ttl', '5 parsecs'],
    ['ttl', ''],
    ['ttl', null],
    ['ttl', {}],
    ['maxTtl', '-1s'],
    ['jitter', -0.1],
    ['jitter', 0.6],
    ['jitter', Number.NaN],
    ['staleWhileRevalidate', 'soon'],
    ['staleIfError', -5],
    ['refreshAhead', 1.1],
    ['refreshAhead', -0.1],
    ['earlyRefresh', { beta: 0 }],
    ['earlyRefresh', { beta: Number.NaN }],
    ['hardTimeout', 0],
    ['hardTimeout', 'never'],
    ['negative', { when: 'always', ttl: '1m' }],
    ['negative', { when: () => true, ttl: 'x' }],
    ['tags', 'feed'],
    ['tags', ['']],
    ['tags', [5]],
    ['tags', ['x'.repeat(513)]],
    ['max', 0],
    ['max', -1],
    ['max', 1.5],
    ['max', Number.NaN],
    ['max', Infinity],
    ['max', '100'],
    ['maxValueBytes', 0],
    ['maxValueBytes', Number.NaN],
    ['isolation', 'copy'],
    ['coalesce', 'world'],
    ['key', 'id'],
    ['scope', 'user'],
    ['subject', {}],
    ['cacheable', true],
    ['cost', 5],
    ['key', later],
    ['scope', later],
    ['subject', later],
    ['tags', later],
    ['ttl', later],
    ['cacheable', later],
    ['migrate', later],
    ['cost', later],
    ['negative', { when: later, ttl: '1s' }],
  ]

  it.each(bad)('%s: %j is refused at construction, with name, expectation and what came', (name, value) => {
    const make = declare({ [name]: value })
    expect(make).toThrow(invalid)
    expect(make).toThrow(/^Expected `things\.\w+.*` to be .+, received .+\.$/)
  })

  const contradictions: readonly (readonly [string, object])[] = [
    ['a softTimeout not shorter than hardTimeout', { softTimeout: '5s', hardTimeout: '5s', staleIfError: '1h' }],
    ['a softTimeout with nothing stale to serve', { softTimeout: '5s' }],
    ['a ttl above maxTtl', { ttl: '2h', maxTtl: '1h' }],
    ['sliding with refreshAhead', { sliding: true, refreshAhead: 0.5 }],
    ['sliding with earlyRefresh', { sliding: true, earlyRefresh: true }],
  ]
  it.each(contradictions)('%s is refused', (_name, options) => {
    expect(declare(options)).toThrow(invalid)
  })

  it.each([
    ['tll', 'ttl'],
    ['staleIfErrror', 'staleIfError'],
    ['stalewhilerevalidate', 'staleWhileRevalidate'],
    ['tag', 'tags'],
  ])('an unknown option %s suggests %s', (wrong, right) => {
    expect(declare({ [wrong]: 1 })).toThrow(invalid)
    expect(declare({ [wrong]: 1 })).toThrow(`Did you mean \`${right}\`?`)
  })

  it('an unknown option like nothing known lists what there is', () => {
    expect(declare({ quux: 1 })).toThrow('Known: key, scope')
  })

  it('never show a value that may be data', () => {
    const secret = 'a long text that may well be somebody’s data, and more of it'
    try {
      declare({ ttl: secret })()
      expect.unreachable()
    } catch (error) {
      expect((error as Error).message).not.toContain('somebody')
    }
  })
})

describe('a bare number as ttl', () => {
  const warned = (ttl: unknown): string[] => {
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    declare({ ttl })()
    const codes = emit.mock.calls.map(([, options]) => (options as unknown as { code: string }).code)
    emit.mockRestore()
    return codes
  }

  it.each([[1], [3600], [9999]])('of %d is taken as milliseconds, with one warning that has a code', (ttl) => {
    expect(warned(ttl)).toEqual(['HOPSTASH_TTL_UNIT'])
  })

  it.each([[0], [10_000], ['3600ms'], ['1h'], [Infinity]])('of %s is taken without one', (ttl) => {
    expect(warned(ttl)).toEqual([])
  })
})

describe('names of namespaces', () => {
  it.each(RESERVED_NAMES.map((name) => [name]))('%s is refused: it is a name of the stash itself', (name) => {
    const namespaces = Object.fromEntries([[name, namespace()]])
    expect(() => createStash({ namespaces })).toThrow(invalid)
  })

  it('cover every method of a stash', () => {
    const { stash } = open()
    const methods = Object.keys(stash).filter((name) => name !== 'things' && name !== 'others')
    for (const name of methods) expect(RESERVED_NAMES).toContain(name)
  })

  it.each([[''], ['1st'], ['with space'], ['a:b'], ['a*'], ['{a}'], ['x'.repeat(65)], ['ключ'], ['-a']])(
    '%j is refused',
    (name) => {
      expect(() => createStash({ namespaces: { [name]: namespace() } })).toThrow(invalid)
    },
  )

  it.each([['a'], ['A1'], ['a.b-c_d'], ['x'.repeat(64)]])('%s is fine', (name) => {
    expect(createStash({ namespaces: { [name]: namespace() } }).names()).toEqual([name])
  })

  it('are found by name, with a suggestion where they are not', () => {
    const stash = createStash()
    expect(stash.namespace('template')).toBe(stash.template)
    expect(() => stash.namespace('templat')).toThrow(
      expect.objectContaining({ code: 'ERR_NAMESPACE_UNKNOWN', message: expect.stringContaining("'template'") }),
    )
    expect(() => stash.namespace('toString')).toThrow(expect.objectContaining({ code: 'ERR_NAMESPACE_UNKNOWN' }))
  })
})

describe('options of a stash that cannot be used', () => {
  const bad: readonly (readonly [string, unknown])[] = [
    ['prefix', ''],
    ['prefix', 'a:b'],
    ['prefix', 'x'.repeat(65)],
    ['maxBytes', 0],
    ['maxBytes', Number.NaN],
    ['maxBytes', Infinity],
    ['maxBytes', '64'],
    ['secret', 'short'],
    ['secret', 1234567890123456],
    ['store', 'htp://user:hunter2@cache:6379'],
    ['waitUntil', 'yes'],
    ['namespaces', null],
    ['namespaces', 'all'],
    ['namespaces', { things: { ttl: '1h' } }],
    ['namespaces', { things: undefined }],
  ]

  it.each(bad)('%s: %j is refused', (name, value) => {
    expect(() => createStash({ [name]: value } as never)).toThrow(invalid)
  })

  it('never show a password or a secret', () => {
    for (const options of [
      { store: 'htp://user:hunter2@cache:6379' },
      { secret: 'hunter2' },
      { secret: ['hunter2'] },
    ]) {
      try {
        createStash(options as never)
        expect.unreachable()
      } catch (error) {
        expect(String(error) + JSON.stringify((error as { context: unknown }).context)).not.toContain('hunter2')
      }
    }
  })

  it('an unknown one suggests the right name, and null is no options', () => {
    expect(() => createStash({ namespace: {} } as never)).toThrow('`namespaces`')
    expect(() => createStash(null as never)).toThrow(invalid)
  })
})

describe('invalidateTags', () => {
  it.each([['t'], [['']], [[5]], [undefined], [['x'.repeat(513)]]])('refuses the tags %j', async (tags) => {
    const { things, stash } = open()
    await expect(things.invalidateTags(tags as never)).rejects.toEqual(invalid)
    await expect(stash.invalidateTags(tags as never)).rejects.toEqual(invalid)
  })

  it('refuses a mode and an option it does not know: a typo must not delete', async () => {
    const { things } = open({ tags: ['t'], staleIfError: '1h' })
    await things.set('k', 1)
    await expect(things.invalidateTags(['t'], { mode: 'soft' } as never)).rejects.toEqual(invalid)
    await expect(things.invalidateTags(['t'], { mod: 'expire' } as never)).rejects.toThrow('`mode`')
    expect(things.peek('k')).toBe(1)
  })

  it('of no tags does nothing', async () => {
    const { things } = open()
    expect(await things.invalidateTags([])).toMatchObject({ memory: 'done' })
  })
})

describe('a scope option that is misspelt', () => {
  it('is an error, not a read of the wrong partition', async () => {
    const { things } = open()
    const wrong = { scop: 'a' } as never
    expect(() => things.peek('k', wrong)).toThrow('`scope`')
    await expect(things.get('k', wrong)).rejects.toEqual(invalid)
    await expect(things.getEntry('k', wrong)).rejects.toEqual(invalid)
    await expect(things.getMany(['k'], wrong)).rejects.toEqual(invalid)
    await expect(things.has('k', wrong)).rejects.toEqual(invalid)
    await expect(things.delete('k', wrong)).rejects.toEqual(invalid)
    await expect(things.expire('k', wrong)).rejects.toEqual(invalid)
    expect(() => things.explain('k', wrong)).toThrow('`scope`')
  })
})

describe('definitions', () => {
  it('may be used by two stashes, whose entries stay apart', async () => {
    const namespaces = { ...presets, evaluation: preset('evaluation', { max: 3 }) }
    const [a, b] = [createStash({ namespaces }), createStash({ namespaces })]
    await a.general.set('k', 1)
    expect(b.general.peek('k')).toBeUndefined()
    expect(b.evaluation.stats().maxSize).toBe(3)
  })
})
