import { rows, shortRows } from '../faults/nemesis/rows/index.js'
import { textOf } from './source-files.js'

const page = textOf('docs/fault-matrix.md') ?? ''
const [, matrix = '', traps = ''] = page.split(/^## /m)

/** The cells of each line of a table that begins with such an id. */
function linesOf(table: string, id: RegExp): string[][] {
  const lines = table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  return lines.map(([, ...cells]) => cells).filter(([first = '']) => id.test(first))
}

const rowLines = linesOf(matrix, /^\**R\d+/)
const trapLines = linesOf(traps, /^T\d+/)

/** Each test that is named, with the file that stands before it. */
const named = [...rowLines, ...trapLines].flatMap((cells) => {
  let file = ''
  return [...cells.join('|').matchAll(/`([\w./-]+\.test\.ts)`|"([^"]+)"/g)].flatMap(([, path, name]) => {
    if (path !== undefined) file = path
    return name === undefined ? [] : [[file, name] as const]
  })
})

it('R0 to R19 and T1 to T11 are there, in order', () => {
  const numbers = (lines: string[][]) => [...new Set(lines.map(([id = '']) => Number(/\d+/.exec(id)?.[0])))]
  expect(numbers(rowLines)).toEqual(Array.from({ length: 20 }, (_, n) => n))
  expect(numbers(trapLines)).toEqual(Array.from({ length: 11 }, (_, n) => n + 1))
})

it('the rows that can be run with a seed are those in bold', () => {
  const bold = rowLines.flatMap(([id = '']) => /^\*\*(\w+)\*\*$/.exec(id)?.[1] ?? [])
  expect(bold).toEqual(rows.map(({ id }) => id))
})

it('those that run with npm test say so', () => {
  const short = rowLines.filter((cells) => cells.at(-2)?.includes('short'))
  expect(short.map(([id = '']) => id.replaceAll('*', ''))).toEqual(shortRows.map(({ id }) => id))
})

it('every row and every trap has something that tries it', () => {
  const without = [...rowLines, ...trapLines].filter(([id = '', ...cells]) => {
    const hasTest = cells.some((cell) => cell.includes('.test.ts'))
    return !hasTest && !id.startsWith('**') && !/\bR\d+/.test(cells.join())
  })
  expect(without).toEqual([])
})

it.each(named)('%s has "%s"', (file, name) => {
  expect(textOf(file)).toContain(name)
})
