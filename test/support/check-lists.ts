import type { Operation } from './history.js'

/** What a replica holds when all is over: its lists by key. */
export interface ReplicaLists {
  /** The instance, as problems name it. */
  readonly replica: string
  readonly lists: ReadonlyMap<string, readonly string[]>
}

/**
 * Compares the pushes of a history with the lists that the replicas ended up with. Checked are: every acknowledged item
 * is there once, at the position it was given; refused ones are not there, nor is anything that nobody pushed; all
 * replicas hold the same; and an item pushed after another's push had ended stands behind it.
 *
 * @returns what is wrong, one sentence each; empty if nothing is
 */
export function checkLists(history: readonly Operation[], replicas: readonly ReplicaLists[]): string[] {
  const pushes = new Map(
    history.filter(({ kind }) => kind === 'push').map((operation) => [String(operation.value), operation]),
  )
  const keys = new Set([
    ...[...pushes.values()].map(({ key }) => key),
    ...replicas.flatMap(({ lists }) => [...lists.keys()]),
  ])
  const problems = checkIndexes([...pushes.values()])
  if (replicas.length === 0) problems.push('no replica was looked at')
  for (const key of keys) {
    const expected = [...pushes.values()].filter((push) => push.key === key)
    for (const { replica, lists } of replicas) {
      const items = lists.get(key) ?? []
      const where = `${replica}: ${key}`
      problems.push(
        ...checkContents(where, key, items, pushes),
        ...checkAcknowledged(where, items, expected),
        ...checkRealTime(where, items, pushes),
      )
    }
    problems.push(...checkSame(key, replicas))
  }
  return problems
}

/** Nothing twice, nothing that was refused or that nobody pushed to this list. */
function checkContents(
  where: string,
  key: string,
  items: readonly string[],
  pushes: ReadonlyMap<string, Operation>,
): string[] {
  const seen = new Set<string>()
  return items.flatMap((item) => {
    const push = pushes.get(item)
    const problems: string[] = []
    if (seen.has(item)) problems.push(`${where} holds ${item} twice`)
    seen.add(item)
    if (push?.key !== key) problems.push(`${where} holds ${item}, which nobody pushed there`)
    else if (push.outcome === 'failed') problems.push(`${where} holds ${item}, whose push was refused`)
    return problems
  })
}

/** Everything acknowledged is there, where the acknowledgement said. */
function checkAcknowledged(where: string, items: readonly string[], pushes: readonly Operation[]): string[] {
  const positions = new Map(items.map((item, at) => [item, at + 1]))
  return pushes.flatMap((push) => {
    if (push.outcome !== 'ok') return []
    const item = String(push.value)
    const position = positions.get(item)
    if (position === undefined) return [`${where} lacks ${item}, which was acknowledged`]
    if (push.position !== position) {
      return [`${where} holds ${item} at ${position}, acknowledged was ${push.position ?? 'no position'}`]
    }
    return []
  })
}

/** An item stands behind every item whose push had ended before its own began. */
function checkRealTime(
  where: string,
  items: readonly string[],
  pushes: ReadonlyMap<string, Operation>,
): string[] {
  const problems: string[] = []
  // From the back: the earliest end of all pushes that stand behind.
  let behind: Operation | undefined
  for (const item of [...items].reverse()) {
    const push = pushes.get(item)
    if (!push) continue
    if (behind && behind.endMs < push.startMs) {
      problems.push(
        `${where} holds ${item} before ${String(behind.value)}, whose push had ended before it began`,
      )
    }
    // An unknown push may take effect at any later time: it has no end.
    if (push.outcome === 'ok' && (!behind || push.endMs < behind.endMs)) behind = push
  }
  return problems
}

/** All replicas hold the same items in the same order. */
function checkSame(key: string, replicas: readonly ReplicaLists[]): string[] {
  const [first, ...others] = replicas
  if (!first) return []
  const items = first.lists.get(key) ?? []
  return others.flatMap(({ replica, lists }) => {
    const theirs = lists.get(key) ?? []
    const length = Math.max(items.length, theirs.length)
    for (let at = 0; at < length; at++) {
      if (items[at] === theirs[at]) continue
      const differ = `${items[at] ?? 'nothing'} and ${theirs[at] ?? 'nothing'}`
      return [`${first.replica} and ${replica} differ in ${key} at ${at + 1}: ${differ}`]
    }
    return []
  })
}

/** No two entries of the log have one index, and within a list positions rise with indexes. */
function checkIndexes(pushes: readonly Operation[]): string[] {
  const placed = pushes.filter(
    (push) => push.outcome === 'ok' && push.index !== undefined && push.position !== undefined,
  )
  placed.sort((a, b) => (a.index ?? 0) - (b.index ?? 0))
  const problems: string[] = []
  const lastIn = new Map<string, Operation>()
  let last: Operation | undefined
  for (const push of placed) {
    const item = String(push.value)
    if (last?.index === push.index)
      problems.push(`${String(last?.value)} and ${item} have one index, ${push.index}`)
    const before = lastIn.get(push.key)
    if (before && (before.position ?? 0) >= (push.position ?? 0)) {
      problems.push(
        `${item} has a higher index than ${String(before.value)} but no higher position in ${push.key}`,
      )
    }
    lastIn.set(push.key, push)
    last = push
  }
  return problems
}
