import { describe, expect, it } from 'vitest'
import { FAULTS, type FaultName, type Race, runRace } from './shared-play.js'

const RUNS = Number(process.env['RUNS'] ?? (process.env['SCALE'] === 'full' ? 10_000 : 150))
const SEED = Number(process.env['SEED'] ?? 1)
const STEPS = 18
/** Everything a host may do. */
const WORK: Pick<Race, 'reads' | 'changes'> = {
  reads: ['get', 'getOrSet', 'getOrSet', 'peek', 'force', 'onlyIfCached', 'getMany'],
  changes: ['delete', 'expire', 'set', 'tag', 'soft tag', 'clear', 'forget', 'save'],
}

describe('the shared tier against a simulated store', () => {
  it.each<[string, readonly FaultName[], Race['coalesce']?]>([
    ['without faults, with leases', [], 'cluster'],
    ['with outages and a flapping bus, with leases', ['link cut', 'link back', 'bus cut', 'bus back'], 'cluster'],
    ['with everything at once, with leases', Object.keys(FAULTS) as FaultName[], 'cluster'],
    ['without faults', []],
    ['with evictions', ['entry evicted', 'token evicted', 'marker evicted', 'control evicted', 'log evicted']],
    ['when the control key is evicted', ['control evicted']],
    ['when the store restarts empty', ['restarted empty', 'link cut', 'link back']],
    ['with a flapping bus', ['bus cut', 'bus back']],
    ['with outages', ['link cut', 'link back']],
    ['with everything at once', Object.keys(FAULTS) as FaultName[]],
  ])(
    'never returns what was invalidated, %s',
    async (name, faults, coalesce = 'process') => {
      for (let run = 0; run < RUNS; run++) {
        const seed = SEED * 1_000_003 + run
        const wrong = await runRace({ ...WORK, name, faults, coalesce }, seed, STEPS)
        expect(wrong, `seed ${seed}\n${wrong.join('\n')}`).toEqual([])
      }
    },
    600_000,
  )
})
