import { isAlive, type MemberView } from './members.js'

/** The members as this instance knows them: from its last heartbeat, and from what they acknowledged since. */
export class Roster {
  readonly #heartbeatMs: number
  #members: readonly MemberView[] = []
  readonly #progress = new Map<string, number>()

  constructor(heartbeatMs: number) {
    this.#heartbeatMs = heartbeatMs
  }

  update(members: readonly MemberView[]): void {
    this.#members = members
    const ids = new Set(members.map(({ id }) => id))
    for (const id of this.#progress.keys()) if (!ids.has(id)) this.#progress.delete(id)
  }

  /** An instance said how far it is. Says so between heartbeats, too. */
  progressed(id: string, index: number): void {
    this.#progress.set(id, index)
  }

  get all(): readonly MemberView[] {
    return this.#members.map((member) => this.withProgress(member))
  }

  get alive(): readonly MemberView[] {
    return this.all.filter((member) => this.isAlive(member))
  }

  /** The living, without `id`. */
  aliveBut(id: string): readonly MemberView[] {
    return this.alive.filter((member) => member.id !== id)
  }

  /** True for an instance that said it stops. What it said before may still arrive. */
  hasLeft(id: string): boolean {
    return this.#members.some((member) => member.id === id && member.role === 'stopped')
  }

  isAlive(member: MemberView): boolean {
    return isAlive(member, this.#heartbeatMs)
  }

  withProgress(member: MemberView): MemberView {
    const index = this.#progress.get(member.id)
    return index !== undefined && index > member.index ? { ...member, index } : member
  }
}
