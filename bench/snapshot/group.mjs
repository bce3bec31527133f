import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { keysOf } from '../../packages/core/dist/esm/redis/keys.js'
import { Member } from '../shared/member.mjs'
import { BYTES } from './payload.mjs'

const FILE = fileURLToPath(new URL('instance.mjs', import.meta.url))
const POLL_MS = 5
/** Entries after which a snapshot is taken by default. */
const SNAPSHOT_ENTRIES = 8192

/** A leader, a follower that takes the snapshots, and what Redis has of them. */
export class Group {
  #redis
  #settings
  #newcomers = 0
  leader
  follower

  static async start(url, megabytes) {
    const group = new Group()
    group.#redis = new Redis(url)
    group.#settings = { redis: url, group: 'snapshot', keys: Math.round((megabytes * 1e6) / BYTES) }
    try {
      group.leader = await group.#join('leader')
      await group.leader.call('start')
      group.follower = await group.#join('follower')
      await group.follower.call('start')
    } catch (error) {
      await group.stop()
      throw error
    }
    return group
  }

  #join(name) {
    return Member.start(FILE, { ...this.#settings, name })
  }

  /** Every key has a value, and the snapshots that came due meanwhile are taken. */
  async fill() {
    await this.leader.call('fill', { writes: this.#settings.keys })
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
        const head = await this.#redis.hget(keysOf(this.#settings.group).snapshot(next), 'head')
        return { bytes: JSON.parse(head).bytes }
      }
      await sleep(POLL_MS)
    }
  }

  /** In a process of its own, under a name that was not there before, not started yet. */
  newcomer() {
    return this.#join(`newcomer-${++this.#newcomers}`)
  }

  async stop() {
    await Promise.all([this.leader, this.follower].map((member) => member?.stop()))
    this.#redis.disconnect()
  }

  async #behindSnapshot() {
    const { head = 0, snapshotIndex = 0 } = await this.#meta()
    return head - snapshotIndex
  }

  #meta() {
    return this.#redis.hgetall(keysOf(this.#settings.group).meta)
  }
}
