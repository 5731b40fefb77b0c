import * as api from '@opentelemetry/api'
import { expect, it } from 'vitest'
import { createStash } from '../../../src/cache/stash.js'
import { instrument } from '../../../src/integrations/opentelemetry/instrument.js'

it('ends nothing where a tracer throws', async () => {
  let asked = 0
  const startSpan = (): never => {
    asked++
    throw new Error('broken')
  }
  const failing = {
    ...api,
    trace: { ...api.trace, getTracer: () => ({ startSpan }), setSpan: (context: never) => context },
  }
  const stash = createStash({ store: 'memory' })
  const running = instrument({ api: failing as never, stash })
  expect(await stash.job.getOrSet('j1', () => 1)).toBe(1)
  // What a listener of a channel throws is uncaught in the next tick, and would fail the run.
  await new Promise((resolve) => setImmediate(resolve))
  expect(asked).toBe(1)
  running.stop()
})
