import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Row } from '../row.js'
import { IN_DIRECTORY, withShim } from '../shim.js'
import type { Stage } from '../stage.js'
import { killLeader } from './processes.js'

const MOST_MS = 20_000

/** Puts the wall clock of the log's Redis so far off. Returns how far that is by what Redis says. */
async function shiftRedis({ redis }: Stage, ms: number): Promise<number> {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(ms))
  writeFileSync(join(redis.dir, IN_DIRECTORY.CLOCK_SHIFT), bytes, { flag: 'r+' })
  const [seconds = 0] = ((await redis.command('TIME')) as string[]).map(Number)
  return seconds * 1000 - Date.now()
}

const shiftedRedis: Row = {
  id: 'R13',
  fault: 'the clock of Redis jumps by up to 20 s either way',
  needs: ['gcc'],
  stage: async () => ({ redis: await withShim('clock', { appendOnly: 'always' }) }),
  async inject(stage) {
    const bit = { 'times its clock was off': 0, 'terms begun': 0 }
    const { elections } = stage
    for (let jump = 1; jump <= 5; jump++) {
      const ms = Math.round(stage.draw.between(2_000, MOST_MS)) * stage.draw.pick([1, -1])
      if (Math.abs((await shiftRedis(stage, ms)) - ms) < 1_500) bit['times its clock was off']++
      await stage.goesOn()
      if (stage.draw.random() < 0.3) await killLeader(stage)
    }
    await shiftRedis(stage, 0)
    await killLeader(stage)
    bit['terms begun'] = stage.elections - elections
    return { bit }
  },
}

/** Rows about the clock of the log's Redis. */
export const clockRows: readonly Row[] = [shiftedRedis]
