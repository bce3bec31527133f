import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { keysOf } from '../../packages/core/dist/esm/redis/keys.js'
import { withMembers } from '../shared/member.mjs'
import { BYTES } from './payload.mjs'

const PROGRAM = new URL('instance.mjs', import.meta.url)
const POLL_MS = 5
/** Entries after which a snapshot is taken by default. */
const SNAPSHOT_ENTRIES = 8192

/** A leader, a follower that takes the snapshots, and what Redis has of them. */
export class Group {
  #redis
  #group
  #keys
  #join
  #newcomers = 0
  leader
  follower

  constructor(redis, { group, keys }, join) {
    this.#redis = redis
    this.#group = group
    this.#keys = keys
    this.#join = join
  }

  /** Resolves or rejects as `use` does, which gets a group for as long as it takes. */
  static async with(url, megabytes, use) {
    const redis = new Redis(url)
    const settings = { redis: url, group: 'snapshot', keys: Math.round((megabytes * 1e6) / BYTES) }
    try {
      return await withMembers(async (start) => {
        const group = new Group(redis, settings, (name) => start(PROGRAM, { ...settings, name }))
        group.leader = await group.#started('leader')
        group.follower = await group.#started('follower')
        return use(group)
      })
    } finally {
      redis.disconnect()
    }
  }

  async #started(name) {
    const member = await this.#join(name)
    await member.call('start')
    return member
  }

  /** Every key has a value, and the snapshots that came due meanwhile are taken. */
  async fill() {
    await this.leader.call('fill', { writes: this.#keys })
    while ((await this.#behindSnapshot()) >= SNAPSHOT_ENTRIES) await sleep(POLL_MS)
  }

  /** The next snapshot is due after so many further writes. */
  async approachSnapshot(left) {
    const writes = SNAPSHOT_ENTRIES - left - (await this.#behindSnapshot())
    if (writes > 0) await this.leader.call('fill', { writes })
  }

  /** Resolves with the size of the next snapshot, once it is the one that newcomers load. */
  async nextSnapshot() {
    const { snapshot } = await this.#meta()
    for (;;) {
      const { snapshot: next } = await this.#meta()
      if (next !== snapshot) {
        const head = await this.#redis.hget(keysOf(this.#group).snapshot(next), 'head')
        return { bytes: JSON.parse(head).bytes }
      }
      await sleep(POLL_MS)
    }
  }

  /** In a process of its own, under a name that was not there before, not started yet. */
  newcomer() {
    return this.#join(`newcomer-${++this.#newcomers}`)
  }

  async #behindSnapshot() {
    const { head = 0, snapshotIndex = 0 } = await this.#meta()
    return head - snapshotIndex
  }

  #meta() {
    return this.#redis.hgetall(keysOf(this.#group).meta)
  }
}
