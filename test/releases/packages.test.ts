import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT, textOf } from '../structure/source-files.js'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly [field: string]: unknown
}

const read = (top: string, path: string) => JSON.parse(readFileSync(join(top, path), 'utf8')) as Manifest
const packages = readdirSync(join(ROOT, 'packages'))
  .map((folder) => `packages/${folder}`)
  .filter((folder) => textOf(`${folder}/package.json`) !== undefined)
const published = packages.filter((folder) => !read(ROOT, `${folder}/package.json`).private)

const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })

test('all packages say the same of repository, licence and publishing, as the root does', () => {
  expect(node('scripts/manifests.mjs', '--check')).toContain('nothing to change')
})

test.each(published)('%s has what npm shows of a package', (folder) => {
  const { name, description, keywords, files } = read(ROOT, `${folder}/package.json`)
  expect(description).toMatch(/\.$/)
  expect((keywords as string[]).length).toBeGreaterThan(2)
  expect(files).toContain('dist')
  expect(textOf(`${folder}/README.md`)).toMatch(new RegExp(`^# ${name}\n`))
  expect(textOf(`${folder}/LICENSE`)).toBe(textOf('LICENSE'))
})

describe('a new version', () => {
  let copy: string

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'leasehold-version-'))
    const tracked = execFileSync('git', ['ls-files', '*package.json'], { cwd: ROOT, encoding: 'utf8' })
    const manifests = tracked.split('\n').filter((file) => file.endsWith('package.json'))
    for (const file of ['pnpm-workspace.yaml', 'pnpm-lock.yaml', ...manifests]) {
      mkdirSync(dirname(join(copy, file)), { recursive: true })
      cpSync(join(ROOT, file), join(copy, file))
    }
    cpSync(join(ROOT, '.changeset'), join(copy, '.changeset'), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    // It asks git who wrote a changeset.
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
        cwd: copy,
        stdio: 'pipe',
      })
    git('init', '--quiet')
    git('add', '--all', '--', '.changeset', 'package.json', 'packages')
    git('commit', '--quiet', '--message', 'test')
    const changeset = join(ROOT, 'node_modules/@changesets/cli/bin.js')
    execFileSync(process.execPath, [changeset, 'version'], { cwd: copy, stdio: 'pipe' })
  })
  afterAll(() => rmSync(copy, { recursive: true, force: true }))

  it('is the same for all packages, and none of them is 1.0 by accident', () => {
    const before = new Set(published.map((folder) => read(ROOT, `${folder}/package.json`).version))
    const after = new Set(published.map((folder) => read(copy, `${folder}/package.json`).version))
    expect([before.size, after.size]).toEqual([1, 1])
    expect([...after][0]).toMatch(/^0\./)
  })

  it('takes every changeset into the CHANGELOG of whom it names', () => {
    const waiting = readdirSync(join(ROOT, '.changeset')).filter((file) => file.endsWith('.md'))
    expect(readdirSync(join(copy, '.changeset')).filter((file) => file.endsWith('.md'))).toEqual([])
    for (const file of waiting) {
      const [, head = '', text = ''] =
        /^---\n([\s\S]*?)---\n\n?([\s\S]*)$/.exec(textOf(`.changeset/${file}`) ?? '') ?? []
      for (const [, name] of head.matchAll(/'(@leasehold\/[\w-]+)'/g)) {
        const folder = published.find((each) => read(ROOT, `${each}/package.json`).name === name)
        const log = readFileSync(join(copy, folder ?? `no package ${name}`, 'CHANGELOG.md'), 'utf8')
        expect(log).toContain(text.trim().split('\n')[0])
      }
    }
  })

  it('keeps private packages as they are, and reaches those who lean on it', () => {
    for (const folder of published) {
      const text = readFileSync(join(copy, folder, 'package.json'), 'utf8')
      const { peerDependencies } = read(ROOT, `${folder}/package.json`)
      expect(JSON.parse(text)).toMatchObject({ ...(peerDependencies !== undefined && { peerDependencies }) })
    }
    expect(read(copy, 'test/package.json').version).toBe('0.0.0')
  })
})
