import { describe, expect, it } from 'vitest'
import {
  createFakeClock,
  createSimulatedStore,
  createStoreFaults,
  createTestStash,
  faultyStore,
  seededRandom,
  sharedStoreContract,
} from '../../../src/testing/index.js'
import { FUNCTION, notRefused, options, type Taker } from '../../support/bad-arguments.js'

const clock = createFakeClock()
const connection = () => createSimulatedStore({ clock }).connect()
const rule = () => createStoreFaults({ clock }).on('read')
const create = () => {
  throw new Error('not called')
}

const TAKERS: readonly Taker[] = [
  ['createFakeClock', (value) => createFakeClock(value), ['undefined', 'object']],
  ...options('createFakeClock', createFakeClock, { wall: ['undefined', '7'], seed: ['undefined', '7'] }),
  ['what a clock advances by', (value) => createFakeClock().advance(value), ['7']],
  ['seededRandom', (value) => seededRandom(value), ['7']],
  ['createSimulatedStore', (value) => createSimulatedStore(value), ['undefined', 'object']],
  ...options('createSimulatedStore', createSimulatedStore, { clock: ['undefined'], delay: FUNCTION }),
  ['createStoreFaults', (value) => createStoreFaults(value), ['undefined', 'object']],
  ['the clock of createStoreFaults', (value) => createStoreFaults({ clock: value }), ['undefined']],
  ['the delay of a rule', (value) => rule().delay(value), ['7']],
  ['what corrupts', (value) => rule().corrupt(value), FUNCTION],
  ['how often a rule applies', (value) => rule().times(value), ['7']],
  ['what a rule lets pass', (value) => rule().after(value), ['7']],
  ['the store of faultyStore', (value) => faultyStore(value, createStoreFaults({ clock })), []],
  ['the faults of faultyStore', (value) => faultyStore(connection(), value), []],
  ['createTestStash', (value) => createTestStash(value), []],
  ['the store of createTestStash', (value) => createTestStash({ clock, store: value, namespaces: {} }), []],
  ['sharedStoreContract', (value) => sharedStoreContract(value), []],
  ...options('sharedStoreContract', (given) => sharedStoreContract({ create, ...given }), {
    create: ['function'],
    cannot: ['undefined', 'list'],
  }),
]

describe('what is no argument', () => {
  it.each(TAKERS)('is refused with a code and a reason as %s', async (_, takes, fine) => {
    expect(await notRefused(takes, fine)).toEqual([])
  })

  it('is the end of time for a clock that is to advance', async () => {
    await expect(createFakeClock().advance(Infinity)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
  })
})
