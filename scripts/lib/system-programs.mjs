import { aptInstall } from './apt.mjs'
import { onPath } from './run.mjs'
import { isCi, ScriptError } from './script.mjs'
import { note } from './step.mjs'

/** By the variable that names each to the tests; Debian's package has the name of its program. */
const PROGRAMS = { HAPROXY_BIN: 'haproxy', NGINX_BIN: 'nginx', CHROMIUM_BIN: 'chromium' }

// Debian has servers in sbin, which is not on everybody's path.
const find = (program) => onPath(program) ?? onPath(`../sbin/${program}`)

const missing = () => Object.entries(PROGRAMS).filter(([variable, program]) => !pathOf(variable, program))

function pathOf(variable, program) {
  return process.env[variable] ?? find(program)
}

/**
 * Where the programs are, as the environment of tests. As root with apt, asked or in CI, what is missing is installed;
 * what cannot be had is an error, so that nothing is left out in silence.
 */
export async function findSystemPrograms(asked) {
  const lacking = missing().map(([, program]) => program)
  if (lacking.length > 0 && (asked || isCi()) && onPath('apt-get') && process.getuid?.() === 0) {
    note(`  … apt-get install ${lacking.join(' ')}`)
    await aptInstall(...lacking)
  }
  const still = missing()
  if (still.length > 0) {
    const [variables, programs] = [0, 1].map((at) => still.map((one) => one[at]).join(', '))
    throw new ScriptError(
      `These tests need ${programs}. Install them, name them by ${variables}, or as root on Debian run: npm run test:system -- --install`,
    )
  }
  return Object.fromEntries(
    Object.entries(PROGRAMS).map(([variable, program]) => [variable, pathOf(variable, program)]),
  )
}
