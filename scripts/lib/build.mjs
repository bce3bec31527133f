import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeGenerated } from './generated-scripts.mjs'
import { root } from './root.mjs'
import { capture } from './run.mjs'
import { ScriptError } from './script.mjs'
import { step } from './step.mjs'

const PACKAGES = ['packages/core', 'packages/http', 'packages/express-adapter', 'packages/fastify-adapter']
/** Programs: there is one build of them, since nobody requires or imports them. */
const PROGRAMS = ['packages/cli']
const MODULE_TYPES = { esm: 'module', cjs: 'commonjs' }

export const tsc = join(root, 'node_modules/typescript/bin/tsc')

/** Without these Node reads the CommonJS half by the package's own `"type": "module"`. */
function markModuleTypes() {
  for (const folder of PACKAGES) {
    for (const [half, type] of Object.entries(MODULE_TYPES)) {
      const file = join(root, folder, 'dist', half, 'package.json')
      const text = `{ "type": "${type}" }\n`
      if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
      mkdirSync(join(file, '..'), { recursive: true })
      writeFileSync(file, text)
    }
  }
}

/** Brings every dist folder up to date with its sources. */
export async function build() {
  await step('build', async () => {
    writeGenerated()
    const { code, output } = await capture(process.execPath, [tsc, '-b'])
    if (code !== 0) throw new ScriptError(`${output.trimEnd()}\n\nThe build failed.`)
    markModuleTypes()
  })
}

/** A deleted source leaves its output behind: before a release, start from nothing. */
export function removeBuilt() {
  const examples = readdirSync(join(root, 'examples')).map((name) => join('examples', name))
  for (const folder of [...PACKAGES, ...PROGRAMS, ...examples]) {
    rmSync(join(root, folder, 'dist'), { recursive: true, force: true })
  }
}
