import { describe, expect, it } from 'vitest'
import { namespace, type PresetName, type Presets, preset, presets } from '../../../src/cache/presets.js'
import { createStash, type Stash } from '../../../src/cache/stash.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

interface Row {
  readonly name: PresetName
  readonly max: number
  readonly ttlMs: number | null
  readonly key: unknown
  readonly value: unknown
  /** The stored key behind `hopstash:<name>:v1:`; `#` stands for a digest. */
  readonly stored: string
  readonly tags: readonly string[]
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** The table of the documentation, row by row. */
const TABLE: readonly Row[] = [
  {
    name: 'template',
    max: 50,
    ttlMs: HOUR,
    key: { templateId: 't1', resume: { a: 1 }, resumeId: '42' },
    value: '<html>',
    stored: 'render:t1:#',
    tags: ['template:t1', 'resume:42'],
  },
  {
    name: 'prompt',
    max: 100,
    ttlMs: 30 * MINUTE,
    key: { type: 'critique', data: { a: 1 } },
    value: 'p',
    stored: 'critique:#',
    tags: [],
  },
  {
    name: 'aiResponse',
    max: 50,
    ttlMs: 15 * MINUTE,
    key: { model: 'm' },
    value: { a: 1 },
    stored: 'ai_response:#',
    tags: [],
  },
  {
    name: 'pdf',
    max: 20,
    ttlMs: HOUR,
    key: { templateId: 't1', resume: { a: 1 } },
    value: new Uint8Array([1]),
    stored: 'pdf:t1:#',
    tags: ['template:t1'],
  },
  {
    name: 'evaluation',
    max: 500,
    ttlMs: null,
    key: { jobId: 'j1', resume: { a: 1 }, resumeId: '42' },
    value: { score: 1 },
    stored: 'eval:j1:#',
    tags: ['job:j1', 'resume:42'],
  },
  {
    name: 'tailoredResume',
    max: 100,
    ttlMs: null,
    key: { jobId: 'j1', baseResume: { a: 1 }, resumeId: '42' },
    value: { text: 'x' },
    stored: 'tailored:j1:#',
    tags: ['job:j1', 'resume:42'],
  },
  {
    name: 'analysis',
    max: 100,
    ttlMs: 24 * HOUR,
    key: { resumeText: 'r', jobAd: 'j' },
    value: { confidence: 1 },
    stored: 'analysis:#:#',
    tags: [],
  },
  {
    name: 'jobFeed',
    max: 100,
    ttlMs: 5 * MINUTE,
    key: { query: 'q', page: 2 },
    value: [1],
    stored: 'feed:#:~n2',
    tags: ['feed'],
  },
  {
    name: 'jobSearch',
    max: 100,
    ttlMs: 15 * MINUTE,
    key: { query: 'q', location: 'here' },
    value: [1],
    stored: 'search:#:here',
    tags: [],
  },
  { name: 'job', max: 1000, ttlMs: HOUR, key: 'j1', value: { a: 1 }, stored: 'job:j1', tags: ['job:j1'] },
  { name: 'resume', max: 100, ttlMs: HOUR, key: 'r1', value: { a: 1 }, stored: 'resume:r1', tags: ['resume:r1'] },
  { name: 'general', max: 100, ttlMs: 10 * MINUTE, key: 'any', value: 1, stored: 'any', tags: [] },
]

/** All presets with exact lifetimes. */
function openPresets(): Stash {
  const exact = Object.fromEntries(TABLE.map(({ name }) => [name, preset(name, { jitter: 0 })]))
  return createStash({ clock: createFakeClock(), namespaces: exact as unknown as Presets })
}

describe('presets', () => {
  it('are exactly those of the table', () => {
    expect(Object.keys(presets)).toEqual(TABLE.map(({ name }) => name))
    expect(createStash().names()).toEqual(TABLE.map(({ name }) => name))
  })

  it.each(TABLE)('$name: size, lifetime, key and tags are those of the table', async ({ name, ...row }) => {
    const space = openPresets().namespace(name)
    await space.set(row.key, row.value)
    const entry = await space.getEntry(row.key)
    expect(space.stats().maxSize).toBe(row.max)
    expect(entry).toMatchObject({ ttlMs: row.ttlMs, tags: row.tags, value: row.value })
    const stored = String(entry?.key).replace(`hopstash:${name}:v1:`, '')
    const pattern = row.stored
      .split('#')
      .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('[A-Za-z0-9_~-]{43,48}')
    expect(stored).toMatch(new RegExp(`^${pattern}$`))
  })

  const partsOf = ({ name, key }: Row): [name: PresetName, key: unknown, path: string][] => {
    if (typeof key !== 'object' || key === null) return [undefined, null].map((id) => [name, id, '$'])
    const parts = Object.entries(key).filter(([part]) => part !== 'resumeId' && part !== 'location')
    const without = parts.flatMap(([part]) =>
      [undefined, null].map((value) => [name, { ...key, [part]: value }, `$.${part}`] as const),
    )
    return [[name, undefined, `$.${parts[0]?.[0]}`], ...without.map((one) => [...one] as [PresetName, unknown, string])]
  }
  const incomplete = TABLE.filter(({ name }) => name !== 'aiResponse' && name !== 'general').flatMap(partsOf)

  it.each(incomplete)('%s: no two answers share the key %j, which lacks %s', async (name, key, path) => {
    const space = openPresets().namespace(name)
    expect([await space.getOrSet(key, () => 'one'), await space.getOrSet(key, () => 'another')]).toEqual([
      'one',
      'another',
    ])
    expect(space.stats()).toMatchObject({ size: 0, bypassed: 2 })
    for (const call of [() => space.delete(key), () => space.expire(key), () => space.set(key, 'value')]) {
      await expect(call()).rejects.toMatchObject({ code: 'ERR_KEY_UNSUPPORTED', context: { path } })
    }
  })

  it('an evaluation is found by the version of a resume, too, and the two never meet', async () => {
    const stash = openPresets()
    const { evaluation } = stash
    await evaluation.set({ jobId: 'j1', resumeVersion: 3 }, 'by version')
    await evaluation.set({ jobId: 'j1', resume: 3 }, 'by content')
    expect(evaluation.peek({ jobId: 'j1', resumeVersion: 3 })).toBe('by version')
    expect(evaluation.peek({ jobId: 'j1', resumeVersion: 4 })).toBeUndefined()
    expect(evaluation.peek({ jobId: 'j1', resume: 3 })).toBe('by content')
  })

  it('analysis lives from five minutes to a day, by confidence; without one, the least', async () => {
    const { analysis } = openPresets()
    const ttlOf = async (value: unknown): Promise<number | null | undefined> => {
      await analysis.set({ resumeText: 'r', jobAd: 'j' }, value)
      return (await analysis.getEntry({ resumeText: 'r', jobAd: 'j' }))?.ttlMs
    }
    expect(await ttlOf({ confidence: 1 })).toBe(24 * HOUR)
    expect(await ttlOf({ confidence: 0 })).toBe(5 * MINUTE)
    expect(await ttlOf({})).toBe(5 * MINUTE)
    expect(await ttlOf('text')).toBe(5 * MINUTE)
  })

  it('a new master resume makes every evaluation and tailored resume of the old one a miss, those in flight too', async () => {
    const stash = openPresets()
    const evaluation = { jobId: 'j1', resume: { v: 1 }, resumeId: '42' }
    const tailored = { jobId: 'j1', baseResume: { v: 1 }, resumeId: '42' }
    await stash.evaluation.set(evaluation, 'old')
    await stash.evaluation.set({ ...evaluation, resumeId: '43', resume: { v: 2 } }, 'of another resume')
    let end: (value: unknown) => void = () => undefined
    const inFlight = stash.tailoredResume.getOrSet(tailored, () => new Promise((resolve) => (end = resolve)))
    await stash.invalidateTags(['resume:42'])
    end('old')
    await inFlight
    expect(stash.evaluation.peek(evaluation)).toBeUndefined()
    expect(stash.tailoredResume.peek(tailored)).toBeUndefined()
    expect(stash.evaluation.peek({ ...evaluation, resumeId: '43', resume: { v: 2 } })).toBe('of another resume')
  })

  it('an ingestion run invalidates the feed and its jobs', async () => {
    const stash = openPresets()
    await stash.jobFeed.set({ query: 'q', page: 1 }, [1])
    await stash.job.set('j1', { a: 1 })
    await stash.job.set('j2', { a: 1 })
    await stash.invalidateTags(['feed', 'job:j1'])
    expect(stash.jobFeed.peek({ query: 'q', page: 1 })).toBeUndefined()
    expect([stash.job.peek('j1'), stash.job.peek('j2')]).toEqual([undefined, { a: 1 }])
  })
})

describe('preset', () => {
  it('overrides what it is given and keeps the rest', () => {
    const { options } = preset('evaluation', { staleIfError: '7d', max: 7, ttl: undefined, tags: undefined })
    expect(options).toMatchObject({ max: 7, ttl: Infinity, staleIfError: '7d', category: 'evaluation' })
    expect(options.tags).toBe(presets.evaluation.options.tags)
    expect(presets.evaluation.options.max).toBe(500)
  })

  it('refuses an unknown preset, with the nearest one, and a key of its own', () => {
    expect(() => preset('evaluatoin' as never)).toThrow('`evaluation`')
    expect(() => preset('toString' as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }))
    expect(() => preset('job', { key: () => [] } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    )
  })

  it('and namespace make definitions that nobody can change', () => {
    const options = { max: 5 }
    const definition = namespace(options)
    options.max = 9
    expect(definition.options.max).toBe(5)
    expect(Object.isFrozen(definition) && Object.isFrozen(definition.options) && Object.isFrozen(presets)).toBe(true)
  })
})
