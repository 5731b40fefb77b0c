export type {
  BumpReply,
  BusListener,
  Frame,
  KeyRef,
  Marker,
  Markers,
  ReadReply,
  ReadRequest,
  SetReply,
  SetRequest,
  SharedStore,
  StampReply,
  StoredEntry,
  WriteReply,
  WriteRequest,
} from '../stores/shared-store.js'
export type { ContractStore, Evictable } from './contract-trial.js'
export { createFakeClock, type FakeClock, type FakeClockOptions, seededRandom } from './fake-clock.js'
export type { FaultRule } from './fault-rule.js'
export { faultyStore } from './faulty-store.js'
export {
  createSimulatedStore,
  type SimulatedConnection,
  type SimulatedCopy,
  type SimulatedStore,
  type SimulatedStoreOptions,
} from './simulated-store.js'
export { type ContractCase, type ContractOptions, sharedStoreContract } from './store-contract.js'
export {
  createStoreFaults,
  type MessageRule,
  type StoreFaults,
  type StoreFaultsOptions,
  type StoreOperation,
} from './store-faults.js'
export { createTestStash, type TestStashOptions } from './test-stash.js'
