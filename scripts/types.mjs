/** Checks the types of the packages, the dashboard, the examples and the tests: `node scripts/types.mjs`. */
import { build, tsc } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { run } from './lib/run.mjs'
import { runScript } from './lib/script.mjs'

await runScript(async () => {
  await install()
  await build()
  const projects = ['tsconfig.test.json', 'tsconfig.browser.json']
  for (const project of projects) {
    const code = await run(process.execPath, [tsc, '-p', project])
    if (code !== 0) return code
  }
  return 0
})
