import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { NamespaceOptions } from '../../../src/cache/namespace-options.js'
import { ODD_RESULTS, oddSchema } from '../../support/odd-schemas.js'
import { openShared } from './shared-fixture.js'

/** What a process reads that another has stored `value` for. */
async function readElsewhere(value: unknown, options: NamespaceOptions<unknown, unknown>) {
  const { world, things, others } = openShared(options)
  await world.run(things.set('k', value))
  await world.settle()
  const read = await world.run(others.getOrSet('k', () => 'loaded'))
  return { read, refused: others.stats().refused.schema }
}

const broken = new Error('broken')
const score = z.object({ score: z.coerce.number() })

describe('a value of another process', () => {
  it('enters as the schema makes of it, and not where it does not fit', async () => {
    expect(await readElsewhere({ score: '7' }, { schema: score })).toEqual({ read: { score: 7 }, refused: 0 })
    expect(await readElsewhere({ score: 'x' }, { schema: score })).toEqual({ read: 'loaded', refused: 1 })
  })

  it('enters as `migrate` makes of it where that fits', async () => {
    const migrate = (old: unknown) => (typeof old === 'number' ? { score: String(old) } : undefined)
    expect(await readElsewhere(7, { schema: score, migrate })).toEqual({ read: { score: 7 }, refused: 0 })
    expect(await readElsewhere('old', { schema: score, migrate })).toEqual({ read: 'loaded', refused: 1 })
    const wrong = { schema: score, migrate: () => ({ score: 'x' }) }
    expect(await readElsewhere('old', wrong)).toEqual({ read: 'loaded', refused: 1 })
  })

  it('is a miss where the schema makes `undefined` of it, which is no value', async () => {
    const known = z.literal('known').optional().catch(undefined)
    expect(await readElsewhere('unknown', { schema: known })).toEqual({ read: 'loaded', refused: 1 })
    const strict = z.number().transform(() => undefined)
    expect(await readElsewhere('old', { schema: strict, migrate: () => 1 })).toEqual({ read: 'loaded', refused: 1 })
  })

  it.each(ODD_RESULTS)('does not enter by a schema that gives %s', async (_, result) => {
    expect(await readElsewhere('secret', { schema: oddSchema(() => result) })).toEqual({ read: 'loaded', refused: 1 })
  })

  it.each([
    [
      'throws',
      () => {
        throw broken
      },
    ],
    ['rejects', () => Promise.reject(broken)],
  ])('does not enter by a schema that %s', async (_, validate) => {
    expect(await readElsewhere(1, { schema: oddSchema(validate) })).toEqual({ read: 'loaded', refused: 1 })
  })

  it('does not enter by a schema that keeps to no standard once it is migrated', async () => {
    const results = [{ issues: [] }, undefined]
    const schema = oddSchema(() => results.shift())
    expect(await readElsewhere(1, { schema, migrate: () => 2 })).toEqual({ read: 'loaded', refused: 1 })
  })
})
