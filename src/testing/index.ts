export { createFakeClock, type FakeClock, type FakeClockOptions, seededRandom } from './fake-clock.js'
