import { join } from 'node:path'
import { findRedis } from './redis.mjs'
import { root } from './root.mjs'
import { isCi } from './script.mjs'

const program = join(root, 'node_modules/jest/bin/jest.js')

/** Arguments of Node that run Jest in a folder with the sources, by the tools that are installed here. */
export const jest = [program, '--config', 'jest.config.mjs']

/** The same for the tests that need programs which npm does not bring. */
export const systemJest = [program, '--config', 'jest.system.config.mjs']

/** More of them on a build machine, which has nothing else to do: by default Jest leaves a core free. */
export const ofCi = isCi() ? ['--ci', '--maxWorkers=2'] : []

/** The environment of tests: where their Redis is found, which is installed if it may be. */
export async function testEnvironment({ install = false } = {}) {
  const redis = await findRedis({ install, needsBinary: true })
  return { ...process.env, ...redis.env, REDIS_SERVER_BIN: redis.path }
}
