import type { MemberView } from '../src/elect/members.js'

/** A living, eligible follower with nothing special about it, but for what a test says. */
export function memberView(id: string, given: Partial<MemberView> = {}): MemberView {
  return {
    id,
    name: id,
    url: undefined,
    publicUrl: undefined,
    role: 'follower',
    index: 0,
    applied: { term: 0, index: 0 },
    term: 1,
    ahead: false,
    eligible: true,
    priority: 0,
    load: 0,
    version: 1,
    secretVersion: '1-1',
    silentMs: 0,
    ...given,
  }
}
