/**
 * An instance of an elector that is compared: `node elector-process.mjs <elector> <Redis URL> <key>`. Prints `elected`
 * whenever it is, `running` once it has tried for the first time, and stops on SIGTERM.
 */
import { startRedlockElector } from './redlock-elector.mjs'
import { startSafeRedisLeader } from './safe-redis-leader-elector.mjs'

const ELECTORS = { redlock: startRedlockElector, 'safe-redis-leader': startSafeRedisLeader }

const [name, url, key] = process.argv.slice(2)
const stop = await ELECTORS[name]({ url, key, elected: () => console.log('elected') })
process.once('SIGTERM', () => void stop())
console.log('running')
