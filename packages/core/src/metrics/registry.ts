import { LeaseholdError } from '../errors.js'
import type { NodeMetrics } from '../node-metrics.js'
import { SharedReading } from './shared-reading.js'
import { FAMILIES } from './families.js'
import type { Family } from './family.js'

/** A registry of `prom-client`, or whatever looks like one. */
export interface MetricsRegistry {
  /** Goes with `metrics()`, as a header. */
  readonly contentType: string
  /** All that is registered, as text. */
  metrics(): Promise<string>
  registerMetric(metric: never): void
  removeSingleMetric(name: string): void
}

/** What is needed of a node. */
export interface MeasuredNode {
  readonly metrics: Pick<NodeMetrics, 'read' | 'queuedJobs'>
}

const readings = new WeakMap<MetricsRegistry, SharedReading>()

/**
 * Adds a node's metrics to a registry of `prom-client`, beside the app's own, and those of other nodes of this process:
 * they differ by the labels `group` and `name`. Numbers are taken at each scrape; nothing is kept in the registry.
 *
 * @returns takes them out again.
 * @throws Error if the registry has other metrics with these names.
 * @example
 * ```ts
 * import { register } from 'prom-client'
 * import { registerMetrics } from '@leasehold/core/metrics'
 *
 * registerMetrics(node, register)
 * ```
 */
export function registerMetrics(node: MeasuredNode, registry: MetricsRegistry): () => void {
  const reading = readings.get(registry) ?? new SharedReading()
  if (reading.size === 0)
    for (const family of FAMILIES) registry.registerMetric(new CollectedMetric(family, reading) as never)
  readings.set(registry, reading)
  reading.add(node)
  let isThere = true
  return () => {
    if (!isThere) return
    isThere = false
    reading.remove(node)
    if (reading.size > 0) return
    for (const { name } of FAMILIES) registry.removeSingleMetric(name)
    readings.delete(registry)
  }
}

/**
 * A registry of `prom-client` of its own, for Leasehold's metrics alone.
 *
 * @throws LeaseholdError `NOT_SUPPORTED` if `prom-client` is not installed.
 */
export async function createRegistry(): Promise<MetricsRegistry> {
  try {
    const { Registry } = await import('prom-client')
    return new Registry()
  } catch (cause) {
    const message = 'Metrics need the package prom-client, which is not installed: npm install prom-client'
    throw new LeaseholdError('NOT_SUPPORTED', message, { cause })
  }
}

/**
 * A metric as a registry asks for it. It is none of `prom-client`'s own, which keep numbers: a label's value that is gone
 * would stay there for ever, and a histogram cannot be given its buckets.
 */
class CollectedMetric {
  /** A registry in OpenMetrics changes it. */
  name: string
  readonly help: string
  readonly type: Family['type']
  readonly aggregator: 'sum' | 'first'
  readonly #family: Family
  readonly #reading: SharedReading

  constructor(family: Family, reading: SharedReading) {
    this.name = family.name
    this.help = family.help
    this.type = family.type
    this.aggregator = family.type === 'gauge' ? 'first' : 'sum'
    this.#family = family
    this.#reading = reading
  }

  async get(): Promise<object> {
    const { name, help, type, aggregator } = this
    const values = (await this.#reading.now()).flatMap((reading) => this.#family.read(reading))
    return { name, help, type, aggregator, values }
  }

  /** There is nothing to forget. */
  reset(): void {}
}
