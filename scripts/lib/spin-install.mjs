import { aptInstall } from './apt.mjs'
import { onPath } from './run.mjs'
import { isCi } from './script.mjs'

const PROGRAMS = ['spin', 'gcc']

const isThere = () => PROGRAMS.every((program) => onPath(program) !== undefined)

/**
 * Whether spin and the C compiler that it needs are here. As root with apt, asked or in CI, what is missing is installed.
 */
export async function findSpin(asked) {
  if (isThere()) return true
  if (!(asked || isCi()) || !onPath('apt-get') || process.getuid?.() !== 0) return false
  await aptInstall('spin', 'gcc', 'libc6-dev')
  return isThere()
}
