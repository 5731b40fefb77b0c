import { Hono } from 'hono'
import { hc } from 'hono/client'
import { createStash } from 'hopstash'
import { cacheRoute } from 'hopstash/integrations/hono'
import { describe, expectTypeOf, it } from 'vitest'

const stash = createStash()
const options = { in: stash.jobFeed, ttl: '5m' } as const

describe('a cached route of Hono', () => {
  it('is middleware, of a route and of many', () => {
    new Hono()
      .use('/api/*', cacheRoute(options))
      .get('/jobs', cacheRoute(options), (context) => context.json([{ id: 'j1' }]))
  })

  it('around a handler knows the context of its route, and leaves its answer to the typed client', async () => {
    const app = new Hono<{ Variables: { user: string } }>().get(
      '/jobs/:id',
      cacheRoute(options, (context) => {
        expectTypeOf(context.req.param('id')).toEqualTypeOf<string | undefined>()
        expectTypeOf(context.get('user')).toEqualTypeOf<string>()
        return context.json({ id: context.req.param('id') ?? '' })
      }),
    )
    const client = hc<typeof app>('http://localhost')
    const response = await client.jobs[':id'].$get({ param: { id: 'j1' } })
    expectTypeOf(await response.json()).toEqualTypeOf<{ id: string }>()
  })

  it('takes handlers that answer later', () => {
    new Hono().get(
      '/jobs',
      cacheRoute(options, async (context) => context.text('a')),
    )
    // @ts-expect-error no response
    cacheRoute(options, () => 'text')
  })
})
