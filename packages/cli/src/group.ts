import { listGroups, openOperator, type Operator } from '@leasehold/core/operator'
import { durationOf, textOf } from './arguments.js'
import type { Given } from './command.js'
import { NoGroupError, UsageError } from './failure.js'
import { redisTarget } from './target.js'

const DEFAULT_URL = 'redis://127.0.0.1:6379'

/** Runs `work` on the group that the command line and the environment name, or on the only one that there is. */
export async function withGroup<T>(given: Given, work: (operator: Operator) => Promise<T>): Promise<T> {
  const url = textOf(given, 'redis') ?? (process.env['REDIS_URL'] || DEFAULT_URL)
  const [ca, cert, key] = ['tls-ca', 'tls-cert', 'tls-key'].map((name) => textOf(given, name))
  const connectTimeoutMs = durationOf(given, 'timeout')
  const place = {
    redis: redisTarget(url, { ca, cert, key }),
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
  }
  const group = textOf(given, 'group') ?? (process.env['LEASEHOLD_GROUP'] || (await onlyGroup(place)))
  const operator = await openOperator({ group, ...place })
  try {
    return await work(operator)
  } finally {
    operator.close()
  }
}

async function onlyGroup(place: { redis: string | object; connectTimeoutMs?: number }): Promise<string> {
  const found = await listGroups(place)
  if (!found)
    throw new UsageError(
      'The groups cannot be listed here (a Cluster, or SCAN is forbidden). Name one: --group NAME.',
    )
  const [first, ...others] = found.names
  const unsure = found.complete ? '' : ' There may be more: this Redis has too many keys to see all.'
  if (first === undefined) throw new NoGroupError(`There is no group on ${found.place}.${unsure}`)
  if (others.length > 0 || !found.complete)
    throw new UsageError(
      `There are these groups on ${found.place}: ${found.names.join(', ')}.${unsure} Name one: --group NAME.`,
    )
  return first
}
