import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FINDING_SUBJECTS } from '../../core/src/operator/index.js'
import { REDIS_FLAGS } from '../src/command.js'
import { COMMANDS } from '../src/commands/index.js'
import { EXIT_CODE_MEANINGS } from '../src/exit-codes.js'

const root = join(__dirname, '../../..')
const docs = readFileSync(join(root, 'docs/cli.md'), 'utf8')
const readme = readFileSync(join(root, 'packages/cli/README.md'), 'utf8')

/** The rows of the table whose head begins with `title`, each as its cells. */
function rowsOf(markdown: string, title: string): string[][] {
  const [, rows = ''] =
    new RegExp(`^\\| ${title} \\|.*\\n\\|[-|]+\\n((?:\\|.*\\n)+)`, 'm').exec(markdown) ?? []
  return rows
    .trimEnd()
    .split('\n')
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    )
}

const firstOf = (rows: string[][]) => rows.map(([first]) => first)

it('docs/cli.md has all commands, subjects of the doctor, and options that say where the group is', () => {
  expect(firstOf(rowsOf(docs, 'command'))).toEqual(COMMANDS.map(({ name }) => name))
  expect(firstOf(rowsOf(docs, 'subject'))).toEqual([...FINDING_SUBJECTS])
  expect(firstOf(rowsOf(docs, 'option'))).toEqual(REDIS_FLAGS.map(({ name }) => `--${name}`))
})

it.each([
  ['docs/cli.md', docs, 'code'],
  ['the README', readme, 'exit code'],
])('%s has the exit codes', (_, markdown, title) => {
  expect(rowsOf(markdown, title)).toEqual(
    EXIT_CODE_MEANINGS.map(([code, meaning]) => [String(code), meaning]),
  )
})
