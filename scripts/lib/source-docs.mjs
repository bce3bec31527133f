/** What the sources of the packages say of themselves: options, error codes and events, from their doc comments. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { publicPackages } from './public-packages.mjs'

/** All sources of the public packages, as texts. */
export function readSources() {
  return publicPackages().flatMap(({ folder }) =>
    readdirSync(join(folder, 'src'), { recursive: true })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.generated.ts'))
      .map((file) => readFileSync(join(folder, 'src', file), 'utf8')),
  )
}

/** A doc comment as one line of markdown, without its tags. */
function flat(comment) {
  return comment
    .replaceAll(/^\s*\* ?/gm, '')
    .replace(/^\s*@[\s\S]*/m, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

/** The fields of an interface, those of an object within it with its name before theirs: `{ name, type, text }`. */
export function fieldsOf(sources, name) {
  const pattern = new RegExp(
    `^export interface ${name}(?:<[^{]*>)?(?: extends [^{]*)? \\{\\n([\\s\\S]*?)^\\}`,
    'm',
  )
  const body = sources.map((text) => pattern.exec(text)?.[1]).find((found) => found !== undefined)
  if (body === undefined) throw new Error(`No source has an interface ${name}.`)
  const fields = []
  let within = ''
  for (const [, comment = '', indent, field, type] of body.matchAll(
    /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^( +)(?:readonly )?(\w+)\??: ?(.*)$/gm,
  )) {
    if (indent.length === 2) within = type === '{' ? `${field}.` : ''
    if (type === '{') continue
    fields.push({ name: indent.length > 2 ? `${within}${field}` : field, type, text: flat(comment) })
  }
  return fields
}

/** What a literal or a sum in a source comes to. */
function valueOf(text) {
  return runInNewContext(`(${text})`)
}

/** Defaults by the names that users write, from the `DEFAULTS` of core. */
export function defaultsOf(sources) {
  const text = sources
    .map((one) => /^export const DEFAULTS = (\{[\s\S]*?^\}) as const/m.exec(one)?.[1])
    .find(Boolean)
  const defaults = valueOf(text)
  return new Map(
    Object.entries(defaults).map(([name, value]) => [name === 'leaseTtlMs' ? 'lease.ttlMs' : name, value]),
  )
}

/** Bounds as the sources check them, by option: `{ least, most }`. */
export function boundsOf(sources) {
  const constants = new Map(
    sources.flatMap((text) =>
      [...text.matchAll(/^const ([A-Z_]+) = ([\d_]+)$/gm)].map(([, name, value]) => [name, value]),
    ),
  )
  const number = (text) => Number(valueOf(constants.get(text.trim()) ?? text))
  const bounds = new Map()
  for (const text of sources) {
    for (const [, name, least, most] of text.matchAll(/whole\('(\w+)', ([^,]+), ([^,)]+)[,)]/g))
      bounds.set(name, { least: number(least), most: number(most) })
    for (const [, name, least, most] of text.matchAll(
      /check\.integer\(\s*'([\w.]+)',\s*options\.[^,]+,\s*([\w]+),\s*([\d_]+),/g,
    ))
      bounds.set(name, { least: number(least), most: number(most) })
    for (const [, name, least] of text.matchAll(/number\('([\w.]+)', .*, (\d+), '\w+'\)/g))
      bounds.set(name, { least: number(least) })
    for (const [, name, least, most] of text.matchAll(/fail\('(\w+)', value, '[^']*from (\d+) to (\d+)/g))
      bounds.set(name, { least: number(least), most: number(most) })
  }
  return bounds
}

/** The error codes in their order: `{ code, text }`. */
export function errorCodes(sources) {
  const text = sources
    .map((one) => /^export type ErrorCode =\n([\s\S]*?)\n(?:\n|$)/m.exec(one)?.[1])
    .find(Boolean)
  return [...text.matchAll(/(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?\| '([A-Z_]+)'/g)].map(
    ([, comment = '', code]) => ({
      code,
      text: flat(comment),
    }),
  )
}

/** HTTP statuses by code, and the classes that carry a code, by code. */
export function repliesOf(sources) {
  const list =
    sources.map((one) => /^const STATUS: [^=]*= \{([\s\S]*?)^\}/m.exec(one)?.[1]).find(Boolean) ?? ''
  return new Map([...list.matchAll(/^ +([A-Z_]+): (\d+)/gm)].map(([, code, status]) => [code, status]))
}

export function classesOf(sources) {
  const classes = new Map()
  for (const text of sources)
    for (const [, name, body] of text.matchAll(/^export class (\w+) extends \w*Error \{([\s\S]*?)^\}/gm)) {
      const code = /super\(\s*'([A-Z_]+)'/.exec(body)?.[1]
      if (code) classes.set(code, [...(classes.get(code) ?? []), name])
    }
  return classes
}

/** Exported names of all packages: a class that is not among them cannot be caught by its name. */
export function exportedNames() {
  const indexes = publicPackages().flatMap(({ entries }) =>
    entries.map(({ source }) => readFileSync(source, 'utf8')),
  )
  return new Set(indexes.flatMap((text) => [...text.matchAll(/\b([A-Z]\w+)\b/g)].map(([, name]) => name)))
}
