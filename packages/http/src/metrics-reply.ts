import type { ServerResponse } from 'node:http'
import { LeaseholdError } from '@leasehold/core'
import {
  createRegistry,
  type MeasuredNode,
  type MetricsRegistry,
  registerMetrics,
} from '@leasehold/core/metrics'
import type { AdapterNode } from './adapter-node.js'

/**
 * Answers with a node's metrics, as Prometheus reads them: those of `registry`, to which the node's are added at once, or of
 * a registry with nothing else. The package `prom-client` is loaded with the first scrape, and only for a registry of its own.
 *
 * The answer never depends on Redis: what only Redis knows is left out when that does not answer.
 */
export function metricsReply(
  node: AdapterNode,
  registry: MetricsRegistry | undefined,
): (res: ServerResponse) => Promise<void> {
  let own: Promise<MetricsRegistry> | undefined
  if (registry) registerMetrics(measured(node), registry)

  const prepare = async () => {
    const measuredNode = measured(node)
    const created = await createRegistry()
    registerMetrics(measuredNode, created)
    return created
  }
  return async (res) => {
    const from = registry ?? (await (own ??= prepare()))
    const text = await from.metrics()
    res.statusCode = 200
    res.setHeader('Content-Type', from.contentType)
    res.setHeader('Content-Length', Buffer.byteLength(text))
    res.setHeader('Cache-Control', 'no-store')
    res.end(text)
  }
}

/** @throws LeaseholdError for a stand-in that measures nothing. */
function measured({ metrics }: AdapterNode): MeasuredNode {
  if (!metrics) throw new LeaseholdError('NOT_SUPPORTED', 'This node measures nothing.')
  return { metrics }
}
