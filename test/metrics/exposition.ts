/** One line of numbers, as it was scraped. */
export interface ScrapedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A metric with its samples. */
export interface ScrapedFamily {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly samples: readonly ScrapedSample[]
}

const NAME = /^[a-z_:][a-z0-9_:]*$/
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/
/** Endings that may follow the name of a histogram. */
const ENDINGS = ['_bucket', '_sum', '_count']
/** Units that are not base units, and things that are no units. */
const WRONG_UNITS = /_(?:ms|milliseconds|minutes|kb|mb|kilobytes|percent)(?:_|$)/

/**
 * Reads Prometheus' text format 0.0.4 and insists on all that the format and the conventions of names ask for.
 *
 * @throws Error that lists every line that is wrong.
 */
export function parseExposition(text: string): Map<string, ScrapedFamily> {
  const problems: string[] = []
  const families = new Map<string, ScrapedFamily & { samples: ScrapedSample[] }>()
  const seen = new Set<string>()
  let present: (ScrapedFamily & { samples: ScrapedSample[] }) | undefined
  let help: [string, string] | undefined
  if (!text.endsWith('\n')) problems.push('the last line does not end')

  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (keyword === 'HELP') {
      if (rest === '') problems.push(`no help: ${line}`)
      if (families.has(name)) problems.push(`described twice: ${name}`)
      help = [name, rest]
      present = undefined
    } else if (keyword === 'TYPE') {
      if (help?.[0] !== name) problems.push(`a type without its help before it: ${line}`)
      if (!['gauge', 'counter', 'histogram'].includes(rest)) problems.push(`an unknown type: ${line}`)
      present = { name, help: help?.[1] ?? '', type: rest, samples: [] }
      families.set(name, present)
      help = undefined
    } else if (line.startsWith('#')) problems.push(`a comment: ${line}`)
    else {
      const sample = parseSample(line)
      if (typeof sample === 'string') problems.push(sample)
      else {
        const identity = `${sample.name} ${JSON.stringify(
          Object.keys(sample.labels)
            .toSorted()
            .map((label) => [label, sample.labels[label]]),
        )}`
        if (seen.has(identity)) problems.push(`twice: ${line}`)
        seen.add(identity)
        const endings = present?.type === 'histogram' ? ENDINGS : ['']
        if (!present || !endings.some((ending) => sample.name === `${present?.name}${ending}`))
          problems.push(`not below its type: ${line}`)
        present?.samples.push(sample)
      }
    }
  }
  for (const family of families.values()) problems.push(...problemsOf(family))
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return families
}

function parseSample(line: string): ScrapedSample | string {
  const [, name, labelText = '', valueText = ''] = SAMPLE.exec(line) ?? []
  if (name === undefined) return `not a sample: ${line}`
  const labels: Record<string, string> = {}
  let rest = labelText
  while (rest !== '') {
    const [whole, label, escaped = ''] = LABEL.exec(rest) ?? []
    if (whole === undefined || label === undefined) return `labels that are not well formed: ${line}`
    if (label in labels) return `a label twice: ${line}`
    labels[label] = escaped.replaceAll(/\\(.)/g, (_, character: string) =>
      character === 'n' ? '\n' : character,
    )
    rest = rest.slice(whole.length)
  }
  const value = valueText === '+Inf' ? Infinity : Number(valueText)
  return Number.isFinite(value) ? { name, labels, value } : `not a number: ${line}`
}

function problemsOf({ name, type, samples }: ScrapedFamily): string[] {
  const problems: string[] = []
  if (!NAME.test(name)) problems.push(`not a name: ${name}`)
  if ((type === 'counter') !== name.endsWith('_total')) problems.push(`a ${type} with the name ${name}`)
  if (WRONG_UNITS.test(name)) problems.push(`not a base unit: ${name}`)
  if (type === 'counter' && samples.some(({ value }) => value < 0)) problems.push(`below nothing: ${name}`)
  if (type !== 'histogram') return problems

  const rows = new Map<string, ScrapedSample[]>()
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels
    const key = JSON.stringify(labels)
    rows.set(key, [...(rows.get(key) ?? []), sample])
  }
  for (const row of rows.values()) {
    const buckets = row.filter((sample) => sample.name.endsWith('_bucket'))
    const bounds = buckets.map(({ labels }) => Number(labels['le'] === '+Inf' ? Infinity : labels['le']))
    const counts = buckets.map(({ value }) => value)
    const count = row.find((sample) => sample.name.endsWith('_count'))?.value
    if (bounds.at(-1) !== Infinity || bounds.some((bound, at) => at > 0 && bound <= (bounds[at - 1] ?? 0)))
      problems.push(`bounds of ${name}: ${bounds.join()}`)
    if (counts.at(-1) !== count || counts.some((value, at) => value < (counts[at - 1] ?? 0)))
      problems.push(`counts of ${name}: ${counts.join()} of ${count}`)
    if (row.filter((sample) => sample.name.endsWith('_sum')).length !== 1) problems.push(`no sum of ${name}`)
  }
  return problems
}

/** The value of the one sample that has these labels among its own; undefined if none has. */
export function valueOf(
  families: ReadonlyMap<string, ScrapedFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ''))
  const found = (family?.samples ?? []).filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )
  if (found.length > 1) throw new Error(`${found.length} samples of ${name} have ${JSON.stringify(labels)}`)
  return found[0]?.value
}
