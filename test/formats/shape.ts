import type { Value } from './dump.js'
import type { Recorded } from './scenario.js'

/**
 * The form of what a group leaves, as one line for each place and kind of value: `members/<id>/url text`. What differs from
 * run to run is left out: names that are drawn, how many there are of something.
 */
export function shapeOf({ redis, forwarded, reply }: Recorded): string[] {
  const lines = new Set<string>()
  for (const [key, of] of Object.entries(redis)) {
    const name = key.replace(/^leasehold:\{[^}]*\}:/, '')
    if (name.startsWith('jobs:')) {
      // Ours are the queue's name and what a job says; all else there is BullMQ's.
      if (of.type === 'hash' && of.value['data'] !== undefined) add('jobs:<id>/data', of.value['data'])
      continue
    }
    const path = name.replace(/^(snapshot):.*/, '$1:<id>')
    lines.add(`${path} is a ${of.type}`)
    if (of.type === 'hash')
      for (const [field, value] of Object.entries(of.value)) add(`${path}/${general(field)}`, value)
    if (of.type === 'stream')
      for (const [id, field, value] of of.value) {
        lines.add(`${path} id ${general(id)}`)
        lines.add(`${path} field ${general(field)}`)
        add(path, value)
      }
    if (of.type === 'list') for (const value of of.value) add(path, value)
  }
  const fields = (forwarded.headers['leasehold-forwarded'] ?? '')
    .split(';')
    .map((field) => field.split('=')[0])
  lines.add(`wire Leasehold-Forwarded: ${fields.join(';')}`)
  for (const name of Object.keys(forwarded.headers))
    if (name.startsWith('leasehold-')) lines.add(`wire has ${name}`)
  for (const [name, value] of Object.entries(reply)) lines.add(`reply ${name}: ${general(value)}`)
  return [...lines].toSorted()

  function add(path: string, value: Value): void {
    if (typeof value !== 'string') return void lines.add(`${path} bytes`)
    // Members and changes stand behind a time.
    const [, time = '', rest = value] = /^(\d+ )?(.*)$/s.exec(value) ?? []
    const parsed = asJson(rest)
    if (time !== '') lines.add(`${path} begins with a time`)
    if (parsed === undefined || typeof parsed !== 'object') return void lines.add(`${path} ${general(value)}`)
    walk(path, parsed)
  }

  function walk(path: string, value: unknown): void {
    if (Array.isArray(value)) for (const each of value) walk(`${path}/[]`, each)
    else if (typeof value === 'object' && value !== null)
      for (const [field, inner] of Object.entries(value)) {
        // What a command was given, and what the app replied, is the app's.
        if (path === 'log' && field === 'a') lines.add('log/a')
        else if (field === 'times')
          lines.add(`${path}/times`) // each as soon as it has been measured
        else walk(`${path}/${general(field)}`, inner)
      }
    else lines.add(`${path} ${value === null ? 'null' : typeof value}`)
  }
}

/** A text by its kind: numbers, and anything else, between the signs that divide it. */
function general(text: string): string {
  if (/^fx-\w-/.test(text)) return '<id>'
  if (/^[a-zA-Z]{1,24}$/.test(text)) return text
  return text
    .split(/([:;=\n ]|\.(?=\d))/)
    .map((part, at) => (at % 2 === 1 || part === '' ? part : /^\d+(?:-\d+)?$/.test(part) ? '#' : 'text'))
    .join('')
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
