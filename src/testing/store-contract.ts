import { optionInvalid } from '../errors/option-error.js'
import { checkFunction, checkShape } from '../resilience/option-shape.js'
import { ENTRY_TRIALS } from './contract-of-entries.js'
import { INVALIDATION_TRIALS } from './contract-of-invalidation.js'
import { LEASE_TRIALS } from './contract-of-leases.js'
import { LIFE_TRIALS } from './contract-of-lives.js'
import { type ContractStore, createTrialStore, type Trial } from './contract-trial.js'

/** One promise of a shared store, for any test runner: `it(name, run)`. */
export interface ContractCase {
  readonly name: string
  /** Opens a store, tries the promise, closes it. Rejects with what was expected and what came. */
  run(): Promise<void>
}

/** Options of {@link sharedStoreContract}. */
export interface ContractOptions {
  /** Opens two connections to an empty store, once for each case. */
  readonly create: () => Promise<ContractStore> | ContractStore
  /** What the test cannot make this store suffer: the cases that need it are left out. @defaultValue none */
  readonly cannot?: readonly NonNullable<Trial['needs']>[]
}

const TRIALS: readonly Trial[] = [...ENTRY_TRIALS, ...INVALIDATION_TRIALS, ...LIFE_TRIALS, ...LEASE_TRIALS]
const METHODS = { evict: ['evict'], empty: ['empty'], bus: ['cutBus', 'healBus'] } as const

/**
 * The contract of a shared store, as cases for whichever test runner: what every operation has to do so that the
 * invalidation protocol holds over the store. A store that passes can stand behind a stash.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { createFakeClock, createSimulatedStore, sharedStoreContract } from 'hopstash/testing'
 * const cases = sharedStoreContract({
 *   create: () => {
 *     const clock = createFakeClock()
 *     const store = createSimulatedStore({ clock })
 *     return {
 *       one: store.connect(),
 *       two: store.connect(),
 *       settle: async (work) => {
 *         await clock.advance(5)
 *         return work
 *       },
 *       wait: (ms) => clock.advance(ms),
 *       close: async () => {},
 *     }
 *   },
 *   cannot: ['evict', 'empty', 'bus'],
 * })
 * for (const { run } of cases) await run()
 * cases.length > 20 // => true
 */
export function sharedStoreContract(options: ContractOptions): readonly ContractCase[] {
  checkShape('sharedStoreContract', options, ['create', 'cannot'])
  const { create, cannot = [] } = options
  checkFunction(create ?? null, 'create')
  if (!Array.isArray(cannot) || !cannot.every((needs) => Object.hasOwn(METHODS, needs))) {
    throw optionInvalid('cannot', `a list with some of: ${Object.keys(METHODS).join(', ')}`, cannot)
  }
  return TRIALS.filter(({ needs }) => needs === undefined || !cannot.includes(needs)).map((trial, index) => ({
    name: trial.name,
    async run() {
      const store = await create()
      try {
        refuseUnable(store, trial)
        await trial.run(createTrialStore(store, `case-${index}`))
      } finally {
        await store.close()
      }
    },
  }))
}

/** A case that its store cannot suffer must not pass for that reason. */
function refuseUnable(store: ContractStore, { needs }: Trial): void {
  const missing = needs === undefined ? undefined : METHODS[needs].find((method) => store[method] === undefined)
  if (missing !== undefined)
    throw new Error(`The store of this test has no ${missing}(): add it, or say cannot: ['${needs}']`)
}
