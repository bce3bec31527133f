/**
 * What a read costs: out of the local replica, and by GET from the same Redis, on the same data. In turns, and the median of
 * some rounds; each reads every product once, one after the other, as a request does that needs one.
 */
import { createNode } from '@leasehold/core'
import { Redis } from 'ioredis'
import { catalogue, type Product, slot } from './machine.js'

const { REDIS_URL = 'redis://127.0.0.1:6379', PRODUCTS = '1000', ROUNDS = '7' } = process.env
const group = `compare-${process.pid}`

const products = Array.from({ length: Number(PRODUCTS) }, (_, i) => {
  const product: Product = { name: `Product ${i}`, cents: 100 * i, tags: ['new', `shelf ${i % 10}`] }
  return { id: `p${i}`, product }
})

const redis = new Redis(REDIS_URL)
const node = createNode({ group, redis: REDIS_URL, stateMachine: catalogue })
await node.start()
const keyOf = (id: string) => `${group}:product:${id}`
for (let i = 0; i < products.length; i += 500) await node.write('putAll', products.slice(i, i + 500))
for (const { id, product } of products) await redis.set(keyOf(id), JSON.stringify(product))

/** So that nothing is left out as useless: the sum of all prices. */
function sumLocally(): number {
  let sum = 0
  for (const { id } of products) sum += node.read((state) => state.products[slot(id)]?.cents ?? 0)
  return sum
}

async function sumByGet(): Promise<number> {
  let sum = 0
  for (const { id } of products) sum += (JSON.parse((await redis.get(keyOf(id))) ?? '{}') as Product).cents
  return sum
}

/** By GET as well, but all at once, which a request that needs one product cannot do. */
async function sumByPipeline(): Promise<number> {
  const texts = await Promise.all(products.map(({ id }) => redis.get(keyOf(id))))
  return texts.reduce((sum, text) => sum + (JSON.parse(text ?? '{}') as Product).cents, 0)
}

const ways = { sumLocally, sumByGet, sumByPipeline }
const times: Record<keyof typeof ways, number[]> = { sumLocally: [], sumByGet: [], sumByPipeline: [] }
const expected = products.reduce((sum, { product }) => sum + product.cents, 0)
for (let round = 0; round < Number(ROUNDS); round++) {
  for (const [name, way] of Object.entries(ways) as [keyof typeof ways, () => number | Promise<number>][]) {
    const begunAt = performance.now()
    const sum = await way()
    times[name].push(((performance.now() - begunAt) * 1000) / products.length)
    if (sum !== expected) throw new Error(`${name}: ${sum} instead of ${expected}`)
  }
}
const median = (all: number[]) => all.toSorted((a, b) => a - b)[all.length >> 1] as number
const [local, get, pipeline] = [median(times.sumLocally), median(times.sumByGet), median(times.sumByPipeline)]

console.log(`${products.length} products, ${ROUNDS} rounds, microseconds for each read (median round)`)
console.log(`  local replica        ${local.toFixed(2).padStart(8)}`)
console.log(
  `  GET, one by one      ${get.toFixed(2).padStart(8)}   ${(get / local).toFixed(0)} times as long`,
)
console.log(
  `  GET, all at once     ${pipeline.toFixed(2).padStart(8)}   ${(pipeline / local).toFixed(0)} times as long`,
)

await redis.unlink(products.map(({ id }) => keyOf(id)))
await node.stop()
for await (const keys of redis.scanStream({ match: `leasehold:{${group}}:*` }) as AsyncIterable<string[]>)
  if (keys.length > 0) await redis.unlink(keys)
redis.disconnect()
