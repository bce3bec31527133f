/** Checks the docs: links, navigation, code, data and the generated tables: `node scripts/docs-check.mjs`. */
import { build } from './lib/build.mjs'
import { codeProblems, dataProblems } from './lib/docs-code.mjs'
import { markdownFiles } from './lib/docs-files.mjs'
import { linkProblems } from './lib/docs-links.mjs'
import { install } from './lib/install.mjs'
import { runScript, ScriptError } from './lib/script.mjs'
import { step } from './lib/step.mjs'

const found = []

async function check(title, work) {
  await step(title, async (say) => {
    const { said, problems } = await work()
    say(problems.length > 0 ? `${said}, ${problems.length} problems` : said)
    found.push(...problems)
  })
}

await runScript(async () => {
  await install()
  await build()
  const files = markdownFiles()
  await check('links', () => ({ said: `${files.length} files`, problems: linkProblems(files) }))
  await check('shell, JSON, YAML and INI', async () => {
    const { checked, problems } = await dataProblems(files)
    return { said: `${checked} blocks`, problems }
  })
  await check('code', async () => {
    const { checked, notChecked, problems } = await codeProblems(files)
    return { said: `${checked} blocks compiled, ${notChecked} not to be compiled`, problems }
  })
  if (found.length > 0) throw new ScriptError(found.join('\n'))
})
