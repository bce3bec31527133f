import type { MemberStore, MemberView } from '../../src/elect/members.js'
import type { LeaseholdError } from '../../src/errors.js'
import type { Secrets } from '../../src/log/log-store.js'
import { Credentials } from '../../src/operate/credentials.js'
import { Membership } from '../../src/operate/membership.js'
import { Rotation } from '../../src/operate/rotation.js'
import { memberView } from '../member-view.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

const HEARTBEAT_MS = 1000
const logger = { debug() {}, info() {}, warn() {}, error() {} }

/** A group of instances `a`, `b` and `c`, of which `a` rotates, in virtual time; what Redis has of it, and how it answers. */
class Group implements Pick<MemberStore, 'list'> {
  readonly clock = new VirtualClock()
  stored: Secrets = { secret: 'old', previous: '', next: '', version: '1-0' }
  /** Who Redis knows, and since when it has been silent. */
  readonly views = new Map(['a', 'b', 'c'].map((id) => [id, { version: '1-0', heardMs: 0, beats: true }]))
  /** How long a member takes to follow a change. */
  followMs = 700
  failure: Error | undefined
  /** Each step with its time. */
  readonly steps: [atMs: number, secret: string, previous: string, next: string][] = []
  readonly membership = new Membership({
    log: {
      join: async () => this.#answer(this.stored),
      rotateSecret: async (version) =>
        this.#answer(version === this.stored.version ? this.step() : undefined),
    },
    credentials: new Credentials(),
    application: 'bank',
    appVersion: 1,
    logger,
    changed: () => {},
    warn: () => {},
  })

  /** What the script does. */
  step(): Secrets {
    const { secret, previous, next, version } = this.stored
    const changed =
      previous !== ''
        ? { secret, previous: '', next }
        : next !== ''
          ? { secret: next, previous: secret, next: '' }
          : { secret, previous, next: `new ${this.steps.length}` }
    this.store({ ...changed, version: `${Number.parseInt(version, 10) + 1}-0` })
    return this.stored
  }

  store(secrets: Secrets): void {
    this.stored = secrets
    this.steps.push([this.clock.now(), secrets.secret, secrets.previous, secrets.next])
    this.clock.timer(this.followMs, () => this.membership.noticed(this.stored.version))
    for (const view of this.views.values()) {
      this.clock.timer(this.followMs, () => {
        if (view.beats) view.version = secrets.version
      })
    }
  }

  async list(): Promise<MemberView[]> {
    return this.#answer(
      [...this.views].map(([id, { version, heardMs, beats }]) =>
        memberView(id, { secretVersion: version, silentMs: beats ? 0 : this.clock.now() - heardMs }),
      ),
    )
  }

  /** What Redis has of what a member knows. */
  knows(id: string, version: string): void {
    const view = this.views.get(id)
    if (view) view.version = version
  }

  /** Silent from now on: killed, or hanging. */
  silence(id: string): void {
    const view = this.views.get(id)
    if (view) Object.assign(view, { beats: false, heardMs: this.clock.now() })
  }

  /** Begins a rotation, and says what came of it. */
  async rotate(given: { inFlightMs?: number; signal?: AbortSignal } = {}) {
    const { inFlightMs = 5000, signal = new AbortController().signal } = given
    await this.membership.join()
    const ended: { atMs?: number; error?: LeaseholdError } = {}
    const members: MemberStore = {
      list: () => this.list(),
      publish: () => this.list(),
      remove: async () => {},
    }
    const { clock, membership } = this
    new Rotation({ membership, members, clock, logger, heartbeatMs: HEARTBEAT_MS, inFlightMs })
      .run(signal)
      .catch((error: LeaseholdError) => (ended.error = error))
      .finally(() => (ended.atMs = clock.now()))
    return ended
  }

  async #answer<T>(value: T): Promise<T> {
    if (this.failure) throw this.failure
    return value
  }
}

it('announces, promotes, waits for what is on its way, and retires; each when all know of the step before', async () => {
  const group = new Group()
  const ended = await group.rotate({ inFlightMs: 5000 })
  await group.clock.advance(20_000)
  expect(group.steps.map(([, ...secrets]) => secrets)).toEqual([
    ['old', '', 'new 0'],
    ['new 0', 'old', ''],
    ['new 0', '', ''],
  ])
  const [announced = 0, promoted = 0, retired = 0] = group.steps.map(([atMs]) => atMs)
  expect(announced).toBeLessThan(3100)
  expect(promoted - announced).toBeGreaterThanOrEqual(700)
  expect(retired - promoted).toBeGreaterThanOrEqual(5700)
  expect(ended.error).toBeUndefined()
  expect(Number(ended.atMs) - retired).toBeGreaterThanOrEqual(700)
  expect(ended.atMs).toBeLessThan(11_500)
})

it('does not begin before all know what is in use', async () => {
  const group = new Group()
  group.knows('c', '0-0')
  await group.rotate()
  await group.clock.advance(8000)
  expect(group.steps).toEqual([])
  group.knows('c', '1-0')
  await group.clock.advance(100)
  expect(group.steps).toHaveLength(1)
})

it.each([
  ['announced', { secret: 'old', previous: '', next: 'to come', version: '2-0' }, ['to come'], 2],
  // What is in use at the call was new to those who began; it is what the caller wants to be rid of.
  ['promoted', { secret: 'newer', previous: 'old', next: '', version: '3-0' }, ['newer', 'new 1'], 4],
] as const)('goes on with what somebody else has %s', async (_, found, uses, steps) => {
  const group = new Group()
  group.stored = found
  for (const id of ['a', 'b', 'c']) group.knows(id, found.version)
  const ended = await group.rotate({ inFlightMs: 100 })
  await group.clock.advance(15_000)
  expect(ended.error).toBeUndefined()
  expect(group.steps).toHaveLength(steps)
  expect([...new Set(group.steps.map(([, secret]) => secret))].slice(-uses.length)).toEqual(uses)
  expect(group.stored).toMatchObject({ secret: uses.at(-1), previous: '', next: '' })
})

it('is content when somebody else has got rid of the secret meanwhile', async () => {
  const group = new Group()
  const ended = await group.rotate()
  group.store({ secret: 'theirs', previous: '', next: '', version: '4-0' })
  group.followMs = 5000
  group.store({ secret: 'theirs', previous: '', next: '', version: '5-0' })
  await group.clock.advance(4900)
  expect(ended.atMs).toBeUndefined() // not all know of it
  await group.clock.advance(200)
  expect(ended).toEqual({ atMs: expect.any(Number) })
  expect(group.steps).toHaveLength(2)
})

it('waits for whoever is silent for ten heartbeats, and no longer', async () => {
  const group = new Group()
  const ended = await group.rotate({ inFlightMs: 0 })
  await group.clock.advance(2_000)
  group.silence('b')
  await group.clock.advance(9_900)
  expect(group.steps).toHaveLength(1)
  await group.clock.advance(3_000)
  expect(ended.error).toBeUndefined()
  expect(group.steps).toHaveLength(3)
})

it('does not wait for whoever has left', async () => {
  const group = new Group()
  const ended = await group.rotate({ inFlightMs: 0 })
  await group.clock.advance(3_100)
  group.views.delete('b')
  await group.clock.advance(2_900)
  expect(ended).toEqual({ atMs: expect.any(Number) })
})

it('waits for whoever comes, whatever they know', async () => {
  const group = new Group()
  await group.rotate({ inFlightMs: 0 })
  await group.clock.advance(3_100)
  expect(group.steps).toHaveLength(1)
  group.views.set('d', { version: '1-0', heardMs: 0, beats: true })
  await group.clock.advance(5_000)
  expect(group.steps).toHaveLength(1)
  group.knows('d', group.stored.version)
  await group.clock.advance(100)
  expect(group.steps).toHaveLength(2)
})

it.each([
  ['in the middle', 3_500],
  ['at the end', 5_000],
])('when Redis loses everything %s, hears everybody again before it goes on', async (_, atMs) => {
  const group = new Group()
  const ended = await group.rotate({ inFlightMs: 0 })
  await group.clock.advance(atMs)
  const taken = group.steps.length
  expect([ended.atMs, taken]).toEqual([undefined, atMs === 5000 ? 3 : 1])
  // All come back within a heartbeat, with what they know; whoever is first brings it back, as a change.
  const { stored } = group
  group.views.clear()
  group.stored = { ...stored, version: `${taken + 2}-9` }
  group.clock.timer(900, () => {
    for (const id of ['b', 'c']) group.views.set(id, { version: '3-0', heardMs: 0, beats: true })
  })
  await group.clock.advance(8000)
  expect(ended.atMs).toBeUndefined()
  expect(group.steps).toHaveLength(taken)
  for (const id of ['b', 'c']) group.knows(id, group.stored.version)
  await group.clock.advance(3000)
  expect(ended).toEqual({ atMs: expect.any(Number) })
  expect(group.steps).toHaveLength(3)
})

it('tries again where Redis does not answer, and hears everybody again before it goes on', async () => {
  const group = new Group()
  const ended = await group.rotate({ inFlightMs: 0 })
  await group.clock.advance(3_100)
  group.failure = new Error('Connection is closed.')
  await group.clock.advance(20_000)
  group.failure = undefined
  await group.clock.advance(2_900)
  expect(group.steps).toHaveLength(1)
  await group.clock.advance(4_000)
  expect(ended).toEqual({ atMs: expect.any(Number) })
  expect(group.steps).toHaveLength(3)
})

it('gives up after 30 heartbeats, names who did not follow, and can be called again', async () => {
  const group = new Group()
  const ended = await group.rotate({ inFlightMs: 0 })
  group.followMs = 1e9
  await group.clock.advance(3_100)
  for (const id of ['a', 'c']) group.knows(id, group.stored.version)
  await group.clock.advance(29_500)
  expect(ended.error).toBeUndefined()
  await group.clock.advance(1000)
  expect(ended.error).toMatchObject({ code: 'ROTATION_UNFINISHED', retryable: false })
  expect(ended.error?.message).toContain('within 30000 ms b did not follow the last step')
  expect(group.stored).toMatchObject({ secret: 'old', next: 'new 0' })

  group.followMs = 10
  group.knows('b', group.stored.version)
  const again = await group.rotate({ inFlightMs: 0 })
  await group.clock.advance(4000)
  expect(again).toEqual({ atMs: expect.any(Number) })
  expect(group.stored).toMatchObject({ secret: 'new 0', previous: '', next: '' })
})

it('gives up after 30 heartbeats without an answer of Redis', async () => {
  const group = new Group()
  const ended = await group.rotate()
  group.failure = new Error('Connection is closed.')
  await group.clock.advance(32_000)
  expect(ended.error).toMatchObject({ code: 'ROTATION_UNFINISHED', cause: group.failure })
  expect(ended.error?.message).toContain('Redis did not answer (Error: Connection is closed.)')
})

it.each([100, 3300, 6000])('ends %d ms after it began, when the node is stopped then', async (atMs) => {
  const group = new Group()
  const stopping = new AbortController()
  const ended = await group.rotate({ signal: stopping.signal })
  await group.clock.advance(atMs)
  const taken = group.steps.length
  stopping.abort()
  await group.clock.advance(100)
  expect(ended.error).toMatchObject({ code: 'STOPPED' })
  await group.clock.advance(60_000)
  expect(group.steps).toHaveLength(taken)
})
