/**
 * The code of the docs, compiled. Each block is a module of its own, under strict types against the built packages; names
 * that it neither imports nor declares are those that the packages export, and those of a prelude in docs/code: the one that
 * `<!-- code: NAME -->` above the block names, or that of the page's own name, or `app`.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fencedBlocks } from './markdown.mjs'
import { publicPackages } from './public-packages.mjs'
import { root } from './root.mjs'
import { capture } from './run.mjs'

const PRELUDES = join(root, 'docs/code')
const FOLDER = join(root, '.cache/docs-code')
const TSC = join(root, 'node_modules/typescript/bin/tsc')
/** What is compiled, and as which kind of module. */
const MODULES = { ts: '.mts', typescript: '.mts', js: '.mjs', javascript: '.mjs', mjs: '.mjs' }
const NO_CHECK = /\bno-check\b/

/** Every block of these files, with where it stands. */
export function blocksOf(files) {
  return files.flatMap(({ path, text }) => fencedBlocks(text).map((block) => ({ ...block, path })))
}

/** What is wrong with the blocks that are compiled; `checked` is how many there are. */
export async function codeProblems(files, folder = FOLDER) {
  const blocks = blocksOf(files).filter(({ language }) => MODULES[language])
  const unexplained = blocks.filter(
    ({ info, comment }) => NO_CHECK.test(info) && !/^no-check: \S/.test(comment),
  )
  const compiled = blocks.filter(({ info }) => !NO_CHECK.test(info))
  const groups = groupBy(compiled, preludeOf)

  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  linkPackages(join(folder, 'node_modules'))
  const problems = []
  for (const [prelude, members] of groups) problems.push(...(await compile(folder, prelude, members)))
  return {
    checked: compiled.length,
    notChecked: blocks.length - compiled.length,
    problems: [
      ...unexplained.map(
        ({ path, line }) => `${path}:${line}: no-check without its reason: <!-- no-check: … --> above`,
      ),
      ...problems,
    ],
  }
}

function groupBy(items, keyOf) {
  const groups = new Map()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

function preludeOf({ path, comment }) {
  const named = /^code: (\S+)$/.exec(comment)?.[1]
  if (named) return named
  const page = basename(path, '.md')
  return existsSync(join(PRELUDES, `${page}.ts`)) ? page : 'app'
}

async function compile(parent, prelude, blocks) {
  const folder = join(parent, prelude)
  const source = join(PRELUDES, `${prelude}.ts`)
  if (!existsSync(source))
    return [`${blocks[0].path}:${blocks[0].line}: there is no prelude docs/code/${prelude}.ts`]
  mkdirSync(folder)
  copyFileSync(source, join(folder, 'prelude.mts'))
  writeFileSync(join(folder, 'exports.d.mts'), exportsFor(readFileSync(source, 'utf8')))
  const places = new Map()
  for (const { path, line, code, language } of blocks) {
    const file = `${path.replaceAll(/\W+/g, '-')}-${line}${MODULES[language]}`
    places.set(file, { path, line })
    writeFileSync(join(folder, file), code)
  }
  for (const [kind, settings] of Object.entries(SETTINGS)) {
    const include = [`*${kind}`, 'prelude.mts', 'exports.d.mts']
    const compilerOptions = { ...SHARED, ...settings }
    writeFileSync(join(folder, `tsconfig${kind}.json`), JSON.stringify({ compilerOptions, include }))
  }
  const problems = []
  for (const kind of Object.keys(SETTINGS)) {
    if (![...places.keys()].some((file) => file.endsWith(kind))) continue
    const { code, output } = await capture(
      process.execPath,
      [TSC, '--pretty', 'false', '-p', `tsconfig${kind}.json`],
      {
        cwd: folder,
      },
    )
    if (code !== 0)
      problems.push(
        ...output
          .trim()
          .split('\n')
          .map((text) => atItsPlace(text, places)),
      )
  }
  return problems
}

const SHARED = {
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  module: 'nodenext',
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  moduleDetection: 'force',
  types: ['node', 'jest'],
}
/** Of JavaScript only the syntax is looked at: without types our commands have no arguments. */
const SETTINGS = { '.mts': {}, '.mjs': { allowJs: true } }

function atItsPlace(text, places) {
  const [, file, line, rest] = /^(\S+?)\((\d+),\d+\): (.*)$/.exec(text) ?? []
  const place = places.get(file)
  return place ? `${place.path}:${place.line + Number(line)}: ${rest}` : text
}

/** What the packages export, as global names, unless the prelude has them. */
function exportsFor(prelude) {
  const taken = new Set([...prelude.matchAll(/^ +const (\w+)/gm)].map(([, name]) => name))
  const lines = []
  for (const { name: from, source } of publicPackages().flatMap(({ entries }) => entries)) {
    for (const name of exportedValues(readFileSync(source, 'utf8'))) {
      if (taken.has(name)) continue
      taken.add(name)
      lines.push(`  const ${name}: typeof import('${from}').${name}`)
    }
  }
  return `export {}\ndeclare global {\n${lines.join('\n')}\n}\n`
}

function exportedValues(index) {
  return [...index.matchAll(/^export \{([^}]*)\} from/gm)].flatMap(([, names]) =>
    names
      .split(',')
      .map((name) => name.trim().split(/ as /).at(-1))
      .filter((name) => name !== '' && !name.startsWith('type ')),
  )
}

/** What the docs speak of, and no package of ours is used with. */
const OTHERS = ['bullmq', 'pino', 'redlock', '@opentelemetry/sdk-trace-node']

/** The packages, and whatever they are used with, as a user's project has them. */
function linkPackages(folder) {
  for (const { name, folder: target, manifest } of publicPackages()) {
    link(join(folder, name), target)
    for (const other of Object.keys({ ...manifest.peerDependencies, ...manifest.devDependencies })) {
      const installed = join(target, 'node_modules', other)
      if (!other.startsWith('@leasehold/') && existsSync(installed)) link(join(folder, other), installed)
    }
  }
  for (const name of OTHERS) {
    const [places, at] = [
      ['docs', 'test'].map((place) => join(root, place, 'node_modules', name)),
      join(folder, name),
    ]
    link(at, places.find((path) => existsSync(path)) ?? places[0])
  }
}

function link(path, target) {
  if (existsSync(path)) return
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path)
}

const { parseAllDocuments } = createRequire(join(root, 'docs/package.json'))('yaml')

/** What is wrong with shell, JSON, YAML and INI; `checked` is how many blocks there are of them. */
export async function dataProblems(files) {
  const problems = []
  let checked = 0
  for (const { language, code, path, line } of blocksOf(files)) {
    const check = CHECKS[language]
    if (!check) continue
    checked++
    const problem = await check(code)
    if (problem) problems.push(`${path}:${line}: ${problem}`)
  }
  return { checked, problems }
}

const CHECKS = { sh: shell, bash: shell, json, yaml, yml: yaml, ini }

async function shell(code) {
  const { code: exitCode, output } = await capture('bash', ['-n', '-c', code])
  return exitCode === 0 ? '' : output.trim()
}

function json(code) {
  try {
    JSON.parse(code)
    return ''
  } catch (error) {
    return error.message
  }
}

function yaml(code) {
  return parseAllDocuments(code).flatMap(({ errors }) => errors.map(({ message }) => message))[0] ?? ''
}

function ini(code) {
  const wrong = code.split('\n').find((line) => !/^\s*(?:[#;].*|\[[^\]]+\]|[^=\s][^=]*=.*)?$/.test(line))
  return wrong === undefined ? '' : `neither a section, a setting nor a comment: ${wrong}`
}
