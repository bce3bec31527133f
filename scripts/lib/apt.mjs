import { capture } from './run.mjs'
import { note } from './step.mjs'

/** Runs a command; says what it printed if it fails. */
export async function succeeds(command, args, options) {
  const { code, output } = await capture(command, args, options)
  if (code !== 0) note(`  ! ${command} ${args[0]} failed (exit code ${code}):\n${output.trimEnd()}`)
  return code === 0
}

/** Installs Debian packages, as root. Says whether it could; and if not, what apt-get said. */
export async function aptInstall(...packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const args = ['install', '-y', '--no-install-recommends', ...packages]
  // A slim image has no package lists: the first try fails for want of them.
  const first = await capture('apt-get', args, { env })
  if (first.code === 0) return true
  return (await succeeds('apt-get', ['update'], { env })) && succeeds('apt-get', args, { env })
}
