import { join } from 'node:path'
import { eventually } from '../support/deadline.js'
import type { Instance } from '../support/instances.js'

/** The app whose spans are collected. */
export const APP = join(__dirname, 'app.cjs')

/** A span as `app.cjs` tells of it, and which instance made it. */
export interface ToldSpan {
  readonly name: string
  readonly kind: number
  readonly attributes: Readonly<Record<string, unknown>>
  readonly status: { readonly code: number; readonly message?: string }
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | null
  readonly by: Instance
}

/** The status of a span that failed. */
export const ERROR = 2

/** All spans that instances have made so far. */
export async function spansOf(instances: readonly Instance[]): Promise<ToldSpan[]> {
  const told = await Promise.all(
    instances.map(async (by) => {
      const { body } = await by.request<Omit<ToldSpan, 'by'>[]>('GET', '/spans')
      return body.map((span) => ({ ...span, by }))
    }),
  )
  return told.flat()
}

/** The spans of one trace, once as many of one name are there as are wanted. */
export async function traceOf(
  instances: readonly Instance[],
  traceId: string,
  wanted: Readonly<Record<string, number>>,
): Promise<ToldSpan[]> {
  let trace: ToldSpan[] = []
  await eventually(
    async () => {
      trace = (await spansOf(instances)).filter((span) => span.traceId === traceId)
      return Object.entries(wanted).every(([name, count]) => named(trace, name).length >= count)
    },
    { message: `the trace ${traceId}, with ${JSON.stringify(wanted)}` },
  )
  return trace
}

/** Those of one name. */
export function named(spans: readonly ToldSpan[], name: string): ToldSpan[] {
  return spans.filter((span) => span.name === name)
}

/** The only one of its name. */
export function theOnly(spans: readonly ToldSpan[], name: string): ToldSpan {
  const [span, ...others] = named(spans, name)
  if (!span || others.length > 0) throw new Error(`${others.length + (span ? 1 : 0)} spans are named ${name}`)
  return span
}

/** A trace as an outline: each span's name below that of its parent, which may be of another process. */
export function outlineOf(spans: readonly ToldSpan[], parentId: string | null): Outline {
  return spans
    .filter((span) => span.parentId === parentId)
    .map(({ name, spanId }) => [name, outlineOf(spans, spanId)] as [string, Outline])
    .toSorted(([a], [b]) => a.localeCompare(b))
}

/** Names, each with what is below it. */
export type Outline = [name: string, below: Outline][]
