import { filesIn } from '../structure/source-files.js'

const sources = filesIn('packages', '.ts').filter(({ path }) => path.includes('/src/'))

/** After how long `gracefulShutdown` cuts what is still open, by default. */
export const SHUTDOWN_DEADLINE_MS = Number(found(/\bdeadlineMs = ([\d_]+)/).replaceAll('_', ''))

/** What `clusterRouter` answers, as the example mounts it, and checks of health ask for. */
export const HEALTH_PATHS = ['livez', 'readyz', 'leader', 'replica']
  .filter((path) => found(new RegExp(`'/(${path})':`)) === path)
  .map((path) => `/cluster/${path}`)

function found(what: RegExp): string {
  for (const { text } of sources) {
    const [, value] = what.exec(text) ?? []
    if (value !== undefined) return value
  }
  throw new Error(`No package has ${what}`)
}
