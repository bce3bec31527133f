/**
 * Writes the tables of options, errors and events into the docs, from the doc comments in the sources; with --check only says
 * which are not up to date: `node scripts/docs-tables.mjs [--check]`.
 *
 * A table stands between `<!-- table: NAME -->` and `<!-- /table -->`. NAME is `errors`, `events` or that of an interface of
 * options; with `short` behind it the table has fewer columns.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { markdownFiles } from './lib/docs-files.mjs'
import { root } from './lib/root.mjs'
import { runScript, ScriptError, takeFlag } from './lib/script.mjs'
import {
  boundsOf,
  classesOf,
  defaultsOf,
  errorCodes,
  exportedNames,
  fieldsOf,
  readSources,
  repliesOf,
} from './lib/source-docs.mjs'

const sources = readSources()
const TABLE = /(<!-- table: (\w+)( short)? -->\n)[\s\S]*?(<!-- \/table -->)/g

const cell = (text) => text.replaceAll('|', '\\|')
const code = (text) => `\`${text}\``
const row = (cells) => `|${cells.map((text) => (text ? ` ${cell(text)} ` : ' ')).join('|')}|`
const table = (head, rows) =>
  [row(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(row), ''].join('\n')

const MIB = 1024 * 1024
const SIZES = [
  [MIB, 'MiB'],
  [1024, 'KiB'],
]

function numberText(value) {
  if (value === 2 ** 31) return '2 GiB'
  const [size, unit] = SIZES.find(([least]) => value >= least && value % least === 0) ?? [1, '']
  return unit ? `${value / size} ${unit}` : `${value}`
}

const unitOf = (name) =>
  name.endsWith('Ms') || name.endsWith('.ms') ? 'ms' : name.endsWith('Bytes') ? 'bytes' : ''

function defaultText(value, isBytes) {
  if (typeof value === 'string') return code(`'${value}'`)
  return isBytes ? numberText(value) : `${value}`
}

function boundsText({ least, most } = {}, isBytes) {
  if (least === undefined) return ''
  const text = isBytes ? numberText : String
  return most === undefined ? `at least ${text(least)}` : `${text(least)} to ${text(most)}`
}

/** A sentence that says no more than the default does, which has a column of its own. */
const DEFAULT = / ?\bDefault:? ((?:`[^`]*`|[^.`]|\.(?! |$))+)\.(?= |$)/

function options(name, isShort) {
  const [defaults, bounds] =
    name === 'NodeOptions' ? [defaultsOf(sources), boundsOf(sources)] : [new Map(), boundsOf(sources)]
  const rows = fieldsOf(sources, name).map((field) => {
    const isBytes = unitOf(field.name) === 'bytes'
    const said = DEFAULT.exec(field.text)?.[1]
    const known = defaults.get(field.name)
    const isAll = said !== undefined && !/[;]| or /.test(said)
    const text = isAll || known === undefined ? field.text.replace(DEFAULT, '') : field.text
    const value = known === undefined ? (said ?? '') : defaultText(known, isBytes)
    const meaning = text.trim()
    return isShort
      ? [code(field.name), value, meaning]
      : [
          code(field.name),
          code(field.type),
          value,
          unitOf(field.name),
          boundsText(bounds.get(field.name), isBytes),
          meaning,
        ]
  })
  return isShort
    ? table(['option', 'default', 'what it does'], rows)
    : table(['option', 'type', 'default', 'unit', 'bounds', 'what it does'], rows)
}

function errors(isShort) {
  const [statuses, classes, names] = [repliesOf(sources), classesOf(sources), exportedNames()]
  const rows = errorCodes(sources).map(({ code: name, text }) => {
    const [, what, toDo] = /^(.*?\.) (.*)$/.exec(text) ?? ['', text, '']
    const status = statuses.get(name) ?? '500'
    const thrown = (classes.get(name) ?? []).filter((one) => names.has(one)).map(code)
    return isShort
      ? [code(name), status, what, toDo]
      : [code(name), thrown.join(', ') || code('LeaseholdError'), status, what, toDo]
  })
  return isShort
    ? table(['code', 'HTTP', 'what happened', 'what to do'], rows)
    : table(['code', 'class', 'HTTP', 'what happened', 'what to do'], rows)
}

function events() {
  const rows = fieldsOf(sources, 'NodeEvents').map(({ name, type, text }) => [
    code(name),
    code(type.replace(/^\[(.*)\]$/, '$1')),
    text,
  ])
  return table(['event', 'it comes with', 'when'], rows)
}

function made(name, isShort) {
  if (name === 'errors') return errors(isShort)
  return name === 'events' ? events() : options(name, isShort)
}

await runScript(async (args) => {
  const isCheck = takeFlag(args, '--check')
  const stale = []
  let count = 0
  for (const { path, text } of markdownFiles()) {
    const next = text.replaceAll(TABLE, (_, open, name, short, close) => {
      count++
      return `${open}\n${made(name, short !== undefined)}\n${close}`
    })
    if (next === text) continue
    stale.push(path)
    if (!isCheck) writeFileSync(join(root, path), next)
  }
  if (isCheck && stale.length > 0)
    throw new ScriptError(
      `Tables are not what the sources say, in ${stale.join(', ')}: node scripts/docs-tables.mjs`,
    )
  console.log(`  ✓ ${count} tables${stale.length > 0 ? `, written anew in ${stale.join(', ')}` : ''}`)
})
