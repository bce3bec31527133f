/**
 * The demo's verdict: compares what clients were told with what every instance holds in the end. Pure, on plain data,
 * so that planted losses and duplicates can show that it sees them (test/demo-verdict.test.ts).
 */

/**
 * Takes
 * - `operations`: { kind: 'append' | 'put' | 'get', key, value, outcome: 'acknowledged' | 'refused' | 'unknown', … },
 *   every written value unique; acknowledged ones with `index`, appends with `position` (from 1), gets with
 *   `seenIndex`, the highest index that their client had been given before.
 * - `replicas`: { name, index, lists: { key: items }, values: { key: value or null } }, one per instance.
 *
 * A finding is { kind, write, text } with kind `lost` (acknowledged, missing somewhere), `duplicated`, `misplaced`
 * (not where the acknowledgement said), `alien` (refused or never sent, and there) or `unequal`. A sound run has none.
 * `stale` only counts: a local read may be older than its client's own last write.
 */
export function judge({ operations, replicas }) {
  const writes = operations.filter(({ kind }) => kind !== 'get')
  const acknowledged = writes.filter(isAcknowledged)
  const findings = [
    ...replicas.flatMap((replica) => [...checkLists(replica, writes), ...checkValues(replica, writes)]),
    ...checkIndexes(acknowledged),
    ...checkEqual(replicas),
  ]
  const count = (kind) => new Set(findings.filter((it) => it.kind === kind).map(({ write }) => write)).size
  return {
    acknowledged: acknowledged.length,
    lost: count('lost'),
    duplicated: count('duplicated'),
    misplaced: count('misplaced'),
    alien: count('alien'),
    unequal: count('unequal'),
    stale: operations.filter(isStale).length,
    unknown: resolveUnknown(writes, replicas),
    findings,
    isSound: findings.length === 0,
  }
}

const isAcknowledged = ({ outcome }) => outcome === 'acknowledged'
const isStale = (it) => it.kind === 'get' && isAcknowledged(it) && it.index < it.seenIndex
const byValue = (writes) => new Map(writes.map((write) => [write.value, write]))

/** Where each item stands on a replica: item → [{ key, position }]. */
function placesOn({ lists }) {
  const places = new Map()
  for (const [key, items] of Object.entries(lists)) {
    items.forEach((item, at) => {
      const found = places.get(item) ?? []
      found.push({ key, position: at + 1 })
      places.set(item, found)
    })
  }
  return places
}

/** Every acknowledged item once, where it was said to be; nothing that was refused, or that nobody sent. */
function checkLists(replica, writes) {
  const appends = byValue(writes.filter(({ kind }) => kind === 'append'))
  const places = placesOn(replica)
  const on = (kind, write, text) => ({ kind, write, text: `${replica.name}: ${write} ${text}` })
  const missing = [...appends.values()]
    .filter((append) => isAcknowledged(append) && !places.has(append.value))
    .map(({ value, index, key }) =>
      on('lost', value, `was acknowledged at index ${index} and is missing in ${key}`),
    )
  const present = [...places].flatMap(([item, [first, ...more]]) => {
    const append = appends.get(item)
    const where = `${first.key}[${first.position}]`
    const findings = []
    if (more.length > 0) findings.push(on('duplicated', item, `is there ${more.length + 1} times`))
    if (append === undefined) findings.push(on('alien', item, `at ${where} was never sent`))
    else if (append.outcome === 'refused') findings.push(on('alien', item, `at ${where} was refused`))
    else if (append.key !== first.key || (append.position ?? first.position) !== first.position) {
      const said = `${append.key}[${append.position ?? '?'}]`
      findings.push(on('misplaced', item, `is at ${where}, acknowledged was ${said}`))
    }
    return findings
  })
  return [...missing, ...present]
}

/**
 * A key holds the put with the highest acknowledged index, or one of unknown outcome: that may have come later. Puts
 * that were overwritten leave no trace; checkIndexes says of them that each had a place of its own in the log.
 */
function checkValues({ name, values }, writes) {
  const puts = writes.filter(({ kind }) => kind === 'put')
  const known = byValue(puts)
  const last = new Map()
  for (const put of puts.filter((it) => isAcknowledged(it) && Number.isInteger(it.index))) {
    if (!(last.get(put.key)?.index >= put.index)) last.set(put.key, put)
  }
  return [...new Set([...last.keys(), ...Object.keys(values)])].flatMap((key) => {
    const value = values[key] ?? null
    const expected = last.get(key)
    const put = known.get(value)
    const holds = `${name}: ${key} holds ${value}`
    if (value !== null && put?.key !== key) return [finding('alien', value, `${holds}, never put there`)]
    if (put?.outcome === 'refused') return [finding('alien', value, `${holds}, which was refused`)]
    if (expected === undefined || put === expected || put?.outcome === 'unknown') return []
    const { value: wanted, index } = expected
    return [finding('lost', wanted, `${holds}, not ${wanted}, acknowledged at index ${index}`)]
  })
}

/** An index is one entry's: two acknowledgements for one mean that the log forgot the first. */
function checkIndexes(acknowledged) {
  const at = new Map()
  return acknowledged.flatMap(({ value, index }) => {
    if (!Number.isInteger(index)) {
      return [finding('misplaced', value, `${value} was acknowledged without an index`)]
    }
    const other = at.get(index)
    at.set(index, value)
    if (other === undefined) return []
    return [finding('lost', other, `${other} and ${value} were both acknowledged at index ${index}`)]
  })
}

/** All replicas stand at one index and hold the same. */
function checkEqual([first, ...others]) {
  if (others.length === 0) {
    return [finding('unequal', first?.name, 'Fewer than two replicas: there is nothing to compare.')]
  }
  return others.flatMap((other) => {
    const between = (what) =>
      finding('unequal', other.name, `${first.name} and ${other.name} differ: ${what}`)
    const indexes = other.index === first.index ? [] : [between(`index ${first.index} and ${other.index}`)]
    const contents = ['lists', 'values'].flatMap((part) => {
      const keys = new Set([...Object.keys(first[part]), ...Object.keys(other[part])])
      return [...keys].filter((key) => JSON.stringify(first[part][key]) !== JSON.stringify(other[part][key]))
    })
    return contents.length === 0 ? indexes : [...indexes, between(contents.join(', '))]
  })
}

/** What became of the writes whose outcome no client was told. A put that was overwritten, if it ran, cannot be told. */
function resolveUnknown(writes, replicas) {
  const places = new Map(replicas.flatMap((replica) => [...placesOn(replica)]))
  const values = new Set(replicas.flatMap((replica) => Object.values(replica.values)))
  const counts = { written: 0, absent: 0, untold: 0 }
  for (const { kind, key, value } of writes.filter(({ outcome }) => outcome === 'unknown')) {
    const isThere = kind === 'append' ? places.has(value) : values.has(value)
    const isOverwritten = kind === 'put' && replicas.some((replica) => (replica.values[key] ?? null) !== null)
    if (isThere) counts.written += 1
    else if (isOverwritten) counts.untold += 1
    else counts.absent += 1
  }
  return counts
}

function finding(kind, write, text) {
  return { kind, write, text }
}
