import { describe, expect, it, vi } from 'vitest'
import { buildStash } from '../../../src/cache/build-stash.js'
import { namespace, preset } from '../../../src/cache/presets.js'
import { readSettings } from '../../../src/runtime/settings.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

function openWith(environment: Record<string, string>) {
  return buildStash(
    {
      clock: createFakeClock(),
      namespaces: {
        template: preset('template', { max: 33, jitter: 0 }),
        aiResponse: preset('aiResponse', { jitter: 0 }),
        analysis: preset('analysis', { jitter: 0 }),
        mine: namespace({ ttl: '2m', jitter: 0 }),
      },
    },
    readSettings(environment),
  )
}
const ttlOf = async (stash: ReturnType<typeof openWith>, name: string, options = {}): Promise<unknown> => {
  const space = stash.namespace(name)
  const key =
    name === 'template' ? { templateId: 't', resume: 1 } : name === 'analysis' ? { resumeText: 'r', jobAd: 'j' } : 'k'
  await space.getOrSet(key, () => ({ confidence: 1 }), options)
  return (await space.getEntry(key))?.ttlMs
}

describe('the environment', () => {
  it('wins over code, code over the preset; a bare number is seconds', async () => {
    const stash = openWith({ CACHE_TEMPLATE_TTL: '120', CACHE_AI_RESPONSE_SIZE: '7' })
    expect(stash.namespace('template').stats()).toMatchObject({ maxSize: 33, ttlMs: 120_000 })
    expect(stash.namespace('aiResponse').stats()).toMatchObject({ maxSize: 7, ttlMs: 900_000 })
  })

  it('loses to resize, and resize to the call', async () => {
    const stash = openWith({ CACHE_TEMPLATE_TTL: '120', CACHE_TEMPLATE_SIZE: '5' })
    stash.namespace('template').resize({ ttl: '5m', max: 9 })
    expect(stash.namespace('template').stats()).toMatchObject({ maxSize: 9, ttlMs: 300_000 })
    expect(await ttlOf(stash, 'template')).toBe(300_000)
    expect(await ttlOf(stash, 'template', { ttl: '7m', forceFresh: true })).toBe(420_000)
  })

  it('and what it wins over: explain names who has said a setting', () => {
    const stash = openWith({ CACHE_MINE_TTL: '120', CACHE_AI_RESPONSE_SIZE: '7' })
    const settingsOf = (name: string): unknown =>
      stash.namespace(name).explain({ resumeText: 'r', jobAd: 'j' }).settings
    expect(settingsOf('mine')).toEqual({ ttlMs: 120_000, ttlFrom: 'environment', max: 100, maxFrom: 'default' })
    expect(settingsOf('aiResponse')).toEqual({ ttlMs: 900_000, ttlFrom: 'preset', max: 7, maxFrom: 'environment' })
    expect(settingsOf('analysis')).toMatchObject({ ttlMs: undefined, ttlFrom: 'preset', maxFrom: 'preset' })
    stash.namespace('analysis').resize({ max: 9 })
    expect(settingsOf('analysis')).toMatchObject({ ttlFrom: 'preset', max: 9, maxFrom: 'resize' })
    stash.namespace('mine').resize({ ttl: Infinity })
    expect(settingsOf('mine')).toMatchObject({ ttlMs: null, ttlFrom: 'resize' })
    const { settings } = stash.namespace('template').explain({ templateId: 't', resume: 1 })
    expect(settings).toMatchObject({ ttlFrom: 'preset', max: 33, maxFrom: 'code' })
  })

  it('wins over a function that decides the lifetime', async () => {
    const stash = openWith({ CACHE_ANALYSIS_TTL: '15m' })
    expect(await ttlOf(stash, 'analysis')).toBe(900_000)
  })

  it.each([
    ['never', null],
    ['Infinity', null],
    ['1.5', 1500],
    ['90', 90_000],
    ['1h', 3_600_000],
    ['250ms', 250],
  ])('reads %s as a lifetime', async (text, ms) => {
    expect(await ttlOf(openWith({ CACHE_MINE_TTL: text }), 'mine')).toBe(ms)
  })

  it.each([
    ['CACHE_TEMPLATE_TTL', 'abc'],
    ['CACHE_TEMPLATE_TTL', '-5'],
    ['CACHE_TEMPLATE_TTL', '5 parsecs'],
    ['CACHE_TEMPLATE_SIZE', '0'],
    ['CACHE_TEMPLATE_SIZE', '-1'],
    ['CACHE_TEMPLATE_SIZE', '1.5'],
    ['CACHE_TEMPLATE_SIZE', '1e3'],
    ['CACHE_TEMPLATE_SIZE', 'many'],
    ['CACHE_TEMPLATE_SIZE', '500000000'],
  ])('%s=%s is one error that names the variable', (name, value) => {
    expect(() => openWith({ [name]: value })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message: expect.stringContaining(name) }),
    )
  })

  it('leaves namespaces alone that it does not name, and variables of other programs unread', () => {
    const stash = openWith({ CACHE_OTHER_TTL: 'abc', CACHE_TEMPLATE_TTL: '', CACHE_CONTROL: 'x', TEMPLATE_TTL: '1' })
    expect(stash.namespace('template').stats().ttlMs).toBe(3_600_000)
  })
})

describe('createStash', () => {
  /** The environment is read once a process, so each look at it takes a fresh copy of the modules. */
  const freshly = async (environment: Record<string, string>) => {
    vi.resetModules()
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
    const [stash, settings] = await Promise.all([
      import('../../../src/cache/stash.js'),
      import('../../../src/runtime/settings.js'),
    ])
    return { createStash: stash.createStash, settings: settings.settings }
  }

  it('reads the environment at the first call, not at import, and only once', async () => {
    const { createStash, settings } = await freshly({})
    vi.stubEnv('CACHE_TEMPLATE_TTL', '60')
    expect(createStash().template.stats().ttlMs).toBe(60_000)
    vi.stubEnv('CACHE_TEMPLATE_TTL', '90')
    expect(createStash().template.stats().ttlMs).toBe(60_000)
    expect(Object.isFrozen(settings())).toBe(true)
  })

  it('refuses a CACHE_URL it cannot use, by name and without its password', async () => {
    const { createStash } = await freshly({ CACHE_URL: 'htp://user:hunter2@x' })
    try {
      createStash()
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID', message: expect.stringContaining('CACHE_URL') })
      expect(String(error)).not.toContain('hunter2')
    }
  })

  it("is not bothered by CACHE_URL where the code says 'memory'", async () => {
    const { createStash } = await freshly({ CACHE_URL: 'htp://x' })
    expect(() => createStash({ store: 'memory' })).not.toThrow()
  })
})
