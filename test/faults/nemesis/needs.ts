import { execFileSync } from 'node:child_process'
import type { Need, Row } from './row.js'

/** How to find out whether a machine has it: a program that fails where not. */
const TRIALS: Readonly<Record<Need, readonly [string, ...string[]]>> = {
  gcc: ['gcc', '--version'],
  namespaces: ['unshare', '--net', 'ip', 'link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right'],
}

const found = new Map<Need, boolean>()

/** What a row needs and this machine does not have: it is left out, and says so. */
export function missing({ needs = [] }: Pick<Row, 'needs'>): readonly Need[] {
  return needs.filter((need) => {
    if (!found.has(need)) found.set(need, has(need))
    return !found.get(need)
  })
}

function has(need: Need): boolean {
  const [program, ...args] = TRIALS[need]
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
