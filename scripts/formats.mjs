/**
 * Writes anew what a group leaves behind, from which test/formats knows the format: `node scripts/formats.mjs`. Only for a new
 * format, in a folder of its own; a fixture of a format that was released stays as it is.
 */
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { jest, testEnvironment } from './lib/jest.mjs'
import { run } from './lib/run.mjs'
import { runScript } from './lib/script.mjs'

await runScript(async () => {
  await install()
  await build()
  const env = { ...(await testEnvironment()), WRITE_FORMAT: '1' }
  return run(process.execPath, [...jest, 'test/formats/formats.test.ts'], { env })
})
