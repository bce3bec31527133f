/** For tests of apps: a group of instances over a Redis in memory, in virtual time if wanted, with faults at will. */
export { createTestGroup, TestGroup, type TestGroupOptions } from './test-group.js'
export { TestInstance } from './test-instance.js'
export { VirtualClock } from './virtual-clock.js'
export type { Latency } from './wire.js'
