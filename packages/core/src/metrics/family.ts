import type { Measurements } from '../node-metrics.js'

/** What one instance says at a scrape. */
export interface Reading extends Measurements {
  /** Undefined where Redis did not say. */
  readonly queuedJobs: number | undefined
}

/** One number with its labels; in a histogram its name has an ending of its own. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName?: string
}

/** A metric: its name, what it is, and where its numbers come from. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter' | 'histogram'
  /** Labels besides those that all have. */
  readonly labels: readonly string[]
  /** What a reading says of it: nothing where it is not known. */
  readonly read: (reading: Reading) => readonly Sample[]
}

/** What every name begins with. */
export const PREFIX = 'leasehold_'

/** Whose numbers they are. Not `instance`: that is the label by which Prometheus names what it scrapes. */
export const COMMON_LABELS = ['group', 'name'] as const

/** The labels that a reading's samples have in common. */
export function commonLabels({ group, status }: Reading): Record<(typeof COMMON_LABELS)[number], string> {
  return { group, name: status.name }
}

/** A number that goes up and down; left out while `value` is undefined or infinite. */
export function gauge(
  name: string,
  help: string,
  value: (reading: Reading) => number | boolean | undefined,
): Family {
  const read = (reading: Reading) => {
    const number = Number(value(reading) ?? Number.NaN)
    return Number.isFinite(number) ? [{ labels: commonLabels(reading), value: number }] : []
  }
  return { name: PREFIX + name, help, type: 'gauge', labels: [], read }
}

/** One gauge for each of some values of a label; those that are undefined are left out. */
export function gauges(
  name: string,
  help: string,
  label: string,
  values: (reading: Reading) => Readonly<Record<string, number | undefined>>,
): Family {
  const read = (reading: Reading) =>
    Object.entries(values(reading)).flatMap(([of, value]) =>
      value === undefined ? [] : [{ labels: { ...commonLabels(reading), [label]: of }, value }],
    )
  return { name: PREFIX + name, help, type: 'gauge', labels: [label], read }
}

/** Of all states that there are, 1 for the present one, if any, and 0 for the others. */
export function states(
  name: string,
  help: string,
  label: string,
  all: readonly string[],
  present: (reading: Reading) => string | undefined,
): Family {
  return gauges(name, help, label, (reading) =>
    Object.fromEntries(all.map((state) => [state, state === present(reading) ? 1 : 0])),
  )
}
