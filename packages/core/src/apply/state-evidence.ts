import type { Entry } from '../log/entry.js'
import { ABSENT, type Digest, digestOfText, JsonDigests, mix, spread } from './digest.js'
import type { StateMachine } from './state-machine.js'

/** Values that are looked at below one name; of what holds more, only what is named in it. */
const MOST_VALUES = 128
/** Names that an entry is looked through for. */
const MOST_NAMES = 12
/** How deep they are looked for in its argument. */
const NAME_DEPTH = 2
/** Longer texts name nothing. */
const LONGEST_NAME = 200

/** What was seen of the state. Two may only be compared if they have the same `shape`: they looked at the same then. */
export interface Sight {
  readonly state: Digest
  readonly shape: Digest
}

/**
 * Looks at what an entry probably changed in the state: at the top-level values, and in each top-level object at what the
 * entry names by its argument, its result, its index or its id (`deposit({ to: 'a' })` names `accounts.a`). However large
 * the state is, that takes some microseconds, so it is done for one entry in thirty-two: see `isChosen`.
 */
export class StateEvidence {
  readonly #machine: StateMachine
  readonly #digests = new JsonDigests({ remember: true })
  readonly #fields: readonly (readonly [name: string, place: Digest])[]
  /** Code with other properties before the first entry looks elsewhere. */
  #fieldsShape = 0
  #shape = 0

  constructor(machine: StateMachine) {
    this.#machine = machine
    this.#fields = (machine.live?.fields ?? []).map((name) => [name, digestOfText(name)])
    for (const [, place] of this.#fields) this.#fieldsShape = (this.#fieldsShape + spread(place)) | 0
  }

  /** Called right after the entry was applied. */
  look(entry: Entry, result: unknown): Sight {
    const { live } = this.#machine
    if (!live) return { state: 0, shape: 0 }
    this.#shape = this.#fieldsShape
    const names = namesIn(entry, result)
    let state = this.#named(live.state, names, 0, false)
    for (const [name, place] of this.#fields) {
      const value = (live.state as Record<string, unknown> | null)?.[name]
      state = (state + this.#topLevel(value, names, place)) | 0
    }
    return { state, shape: this.#shape }
  }

  /** Its objects are not listed: they tend to be the large ones. */
  #topLevel(value: unknown, names: readonly string[], place: Digest): Digest {
    if (typeof value === 'object' && value !== null) return this.#named(value, names, place, true)
    const digest = this.#digests.of(value, 1) ?? 0
    return digest === ABSENT ? 0 : spread(mix(place, digest))
  }

  /** What the names find in an object; in a list, its length and its last item as well. `place` says where it is. */
  #named(container: unknown, names: readonly string[], place: Digest, goOn: boolean): Digest {
    if (typeof container !== 'object' || container === null) return 0
    let sum = 0
    if (Array.isArray(container)) {
      const last = this.#valueAt(container.at(-1), names, place, false)
      sum = mix(mix(place, container.length), last)
    }
    for (const name of names) {
      if (!Object.hasOwn(container, name)) continue
      const at = mix(place, digestOfText(name))
      const digest = this.#valueAt((container as Record<string, unknown>)[name], names, at, goOn)
      if (digest !== ABSENT) sum = (sum + spread(mix(at, digest))) | 0
    }
    return sum
  }

  #valueAt(value: unknown, names: readonly string[], place: Digest, goOn: boolean): Digest {
    const digest = this.#digests.of(value, MOST_VALUES)
    if (digest !== undefined) return digest
    this.#shape = (this.#shape + spread(place)) | 0
    return goOn ? this.#named(value, names, place, false) : 0
  }
}

/**
 * Whether an entry is among those that are looked at more closely: so many, the same on all replicas, and spread evenly by
 * the golden ratio (Knuth, The Art of Computer Programming, 6.4).
 */
export function isChosen(index: number, oneIn: 8 | 32): boolean {
  return (Math.imul(index, 0x9e3779b1) >>> 0) * oneIn < 2 ** 32
}

/** Texts and numbers that may be keys of what the entry changed. */
function namesIn({ index, opId, args }: Entry, result: unknown): readonly string[] {
  const names = new Set([String(index), opId])
  collect(result, 0, names)
  collect(args, NAME_DEPTH, names)
  return [...names]
}

function collect(value: unknown, depth: number, names: Set<string>): void {
  if (names.size >= MOST_NAMES) return
  if (typeof value === 'number') names.add(String(value))
  else if (typeof value === 'string') {
    if (value.length <= LONGEST_NAME) names.add(value)
  } else if (depth > 0 && typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) collect(item, depth - 1, names)
  }
}
