/** A process that puts a load on a server: so many requests on so many connections, one at a time on each. */
import { answerCalls } from './answer-calls.mjs'
import { Connection, requestBytes } from './http-load.mjs'
import { quantile } from './quantile.mjs'

async function load({ port, request, requests, connections }) {
  const bytes = requestBytes(request)
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)))
  const latenciesMs = []
  let left = requests
  const startedMs = performance.now()
  const keepAsking = async (connection) => {
    while (left-- > 0) {
      const sentMs = performance.now()
      await connection.send(bytes)
      latenciesMs.push(performance.now() - sentMs)
    }
  }
  try {
    await Promise.all(open.map(keepAsking))
  } finally {
    for (const connection of open) connection.close()
  }
  return {
    requestsPerSecond: requests / ((performance.now() - startedMs) / 1000),
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
  }
}

answerCalls({ load, close: () => {} })
