import { capture, onPath } from './run.mjs'
import { isCi } from './script.mjs'

const PROGRAMS = ['spin', 'gcc']

const isThere = () => PROGRAMS.every((program) => onPath(program) !== undefined)

/**
 * Whether spin and the C compiler that it needs are here. As root with apt, asked or in CI, what is missing is installed.
 */
export async function findSpin(asked) {
  if (isThere()) return true
  if (!(asked || isCi()) || !onPath('apt-get') || process.getuid?.() !== 0) return false
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = () =>
    capture('apt-get', ['install', '-y', '--no-install-recommends', 'spin', 'gcc', 'libc6-dev'], { env })
  // A slim image has no package lists: the first try fails for want of them.
  if ((await install()).code !== 0) {
    await capture('apt-get', ['update'], { env })
    await install()
  }
  return isThere()
}
