import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LedgerProcess } from './ledger-process.js'
import type { Answer } from './ledger.js'

/** What a process tells that has blocked itself; see `ledger-member.mjs`. */
export interface Blocked {
  readonly term: number
  readonly leads: boolean
  readonly answers: readonly Answer[]
}

/** Whoever hangs goes on when it finds its file here. */
const dir = mkdtempSync(join(tmpdir(), 'leasehold-hung-'))
afterAll(() => rmSync(dir, { recursive: true }))

/** The path of a file that is not there yet, and what makes it. */
export function signalFile(): { file: string; give: () => void } {
  const file = join(dir, randomUUID())
  return { file, give: () => writeFileSync(file, '') }
}

/** Blocks the event loop of a member, from now on and until it is told to go on. */
export async function hang(member: LedgerProcess): Promise<{ goOn: () => Promise<Blocked> }> {
  const { file, give } = signalFile()
  const reply = member.call<Blocked>('block', file)
  await member.program.next(({ blocking }) => blocking === true)
  return {
    goOn: () => {
      give()
      return reply
    },
  }
}
