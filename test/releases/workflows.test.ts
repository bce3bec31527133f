import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parse } from 'yaml'
import { filesIn, textOf } from '../structure/source-files.js'

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly permissions?: Readonly<Record<string, string>>
        readonly strategy?: { readonly matrix: { readonly node: readonly string[] } }
        readonly steps: readonly { readonly uses?: string; readonly run?: string; readonly with?: object }[]
      }
    >
  >
}

const files = filesIn('.github/workflows', '.yml')
const workflow = (name: string) => parse(textOf(`.github/workflows/${name}`) ?? '') as Workflow
const stepsOf = ({ jobs }: Workflow) => Object.values(jobs).flatMap(({ steps }) => steps)

function lint(path: string, text: string): unknown {
  const program = join(__dirname, 'lint-workflow.mjs')
  return JSON.parse(execFileSync(process.execPath, [program, path], { input: text, encoding: 'utf8' }))
}

test.each(files.map(({ path, text }) => [path, text]))('%s is a workflow', (path, text) => {
  expect(lint(path, text)).toEqual([])
  expect(lint(path, text.replace('runs-on:', 'run-on:'))).not.toEqual([])
})

test('each uses actions by their major version, may no more than it needs, and runs what CI runs', () => {
  for (const { path, text } of files) {
    const { permissions, ...one } = parse(text) as Workflow
    expect([path, permissions]).toEqual([path, { contents: 'read' }])
    const steps = stepsOf({ permissions, ...one })
    const used = steps.flatMap(({ uses }) => uses ?? [])
    expect(used.filter((action) => !/^[\w-]+\/[\w-]+@v\d+$/.test(action))).toEqual([])
    expect(steps.map(({ run }) => run)).toContain('bash .ci/run')
  }
})

test('CI runs on every Node that is supported', () => {
  const { node = [] } = workflow('ci.yml').jobs['checks']?.strategy?.matrix ?? {}
  const tried = /const NODES = \[(.*)\]/.exec(textOf('scripts/matrix.mjs') ?? '')?.[1]
  expect(node.map((each) => `'${each}'`).join(', ')).toBe(tried)
})

test('a release can say who publishes, holds no token of npm, and publishes what was checked', () => {
  const text = textOf('.github/workflows/release.yml') ?? ''
  expect(workflow('release.yml').jobs['release']?.permissions).toEqual({
    contents: 'write',
    'pull-requests': 'write',
    'id-token': 'write',
  })
  expect(text).not.toMatch(/NPM_TOKEN|NODE_AUTH_TOKEN/)
  const steps = stepsOf(workflow('release.yml'))
  const [checks, publish] = ['bash .ci/run', 'node scripts/release.mjs --checked'].map((wanted) =>
    steps.findIndex((step) => step.run === wanted || Object.values(step.with ?? {}).includes(wanted)),
  )
  expect(checks).toBeGreaterThan(-1)
  expect(publish).toBeGreaterThan(checks ?? Number.NaN)
})
