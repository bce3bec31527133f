import { stopAll } from '../../../../test/support/stop-all.js'
import { encodeEntry } from '../../src/log/entry.js'
import type { Claim, LogPage, TermConnection } from '../../src/log/log-store.js'
import type { Parts } from '../../src/parts.js'
import { pickOf, seededRandom } from '../../src/testing/seeded-random.js'
import { OpenParts, type Server, servers } from './servers.js'

const SEEDS = [1, 2, 3, 4, 5, 6]
const STEPS = 200
const LEASE_MS = 600_000
const open = new OpenParts()
const never = new AbortController().signal

afterEach(() => open.close())
afterAll(stopAll)

/** Numbers and names that a server makes up, by the order in which they appeared: two servers make up others. */
class Anonymous {
  readonly #names = new Map<unknown, string>()

  of(value: unknown): string {
    const name = this.#names.get(value) ?? `#${this.#names.size}`
    this.#names.set(value, name)
    return name
  }
}

/** One of the two servers, and three instances on it that may each think that they lead. */
class Side {
  readonly #names = new Anonymous()
  readonly #server: Server
  readonly #claims = new Map<number, Claim>()
  #parts!: Parts
  #connections: TermConnection[] = []
  #leaseValue = ''
  #snapshots = 0

  constructor(server: Server) {
    this.#server = server
  }

  async begin(): Promise<void> {
    await this.#server.wipe()
    this.#parts = await open.of(this.#server, 'a', LEASE_MS)
    this.#connections = await Promise.all([0, 1, 2].map(() => this.#parts.log.openTerm(never)))
    await this.#takeLease()
  }

  /** Does one thing that `random` decides, and says what came of it, in words that do not depend on the server. */
  async step(random: () => number): Promise<string> {
    const pick = <T>(...of: readonly T[]) => pickOf(random, of)
    const likely = () => random() < 0.8
    const who = pick(0, 1, 2)
    const connection = this.#connections[who]
    if (!connection) throw new Error('begin() comes first')
    const page = await this.#page()
    const what = pick('claim', 'append', 'append', 'append', 'create', 'snapshot', 'trim', 'reSeed', 'wipe')
    const doIt = {
      claim: async () => {
        const stored = await connection.storedTerm()
        const outcome = await connection.claim({
          expectedTerm: likely() ? stored : stored + 1,
          floor: likely() ? 0 : stored + 5000,
          leader: { id: pick('a', 'b'), url: pick('http://a', undefined), publicUrl: undefined },
          leaseValue: likely() ? this.#leaseValue : 'other',
          reason: pick('expired', undefined),
          appVersion: pick(1, 1, 2),
        })
        if (outcome.kind === 'claimed') this.#claims.set(who, outcome.claim)
        return outcome
      },
      append: () => {
        const { head, headTerm } = page
        const entries = Array.from({ length: pick(1, 2, 3) }, (_, i) => entry(head + i))
        return connection.append({
          head: likely() ? head : pick(head - 1, head + 1),
          headTerm: likely() ? headTerm : 7,
          entries,
        })
      },
      create: () => connection.createLog(pick('L', 'M')),
      snapshot: async () => {
        const index = Math.max(0, page.head - pick(0, 0, 1, 3, -2))
        const owner = page.table?.ownerOf(index)
        const id = await this.#store(index, owner?.term ?? 1, page, likely())
        const offer = { id, index, term: owner?.term ?? 1, nonce: likely() ? (owner?.nonce ?? '') : 'other' }
        return connection.installSnapshot(offer, { before: likely() ? page.snapshotBefore : undefined })
      },
      trim: () => connection.trim(pick(page.first, page.first + 1, page.first + 4)),
      reSeed: async () => {
        const index = page.head + pick(0, 1, 4, 4)
        const logId = likely() ? page.logId || 'L' : 'M'
        const id = await this.#store(index, page.headTerm, page, likely())
        const head = await this.#parts.snapshots.readHead(id)
        const { snapshot, snapshotBefore } = likely()
          ? page
          : { snapshot: undefined, snapshotBefore: undefined }
        return head && connection.reSeed({ ...head, logId }, { snapshot, snapshotBefore })
      },
      wipe: async () => {
        if (random() < 0.7) return 'not this time'
        await this.#server.wipe()
        return this.#takeLease()
      },
    }[what]
    const outcome = await Promise.resolve(doIt()).catch((error: unknown) => String(error))
    return this.#inWords({ who, what, outcome, after: await this.#page(pick(0, page.first, page.head - 1)) })
  }

  #page(after = 0): Promise<LogPage> {
    return this.#parts.log.read(Math.max(0, after), 5, undefined)
  }

  async #takeLease(): Promise<void> {
    this.#leaseValue = (await this.#parts.leases.acquire())?.value ?? ''
  }

  async #store(index: number, term: number, { table, logId }: LogPage, whole: boolean): Promise<string> {
    const id = `s${++this.#snapshots}`
    const terms = table?.rows ?? []
    await this.#parts.snapshots.writeChunk(id, 0, Buffer.from('chunk'))
    const chunks = whole ? 1 : 2
    await this.#parts.snapshots.writeHead({
      ...{ id, logId, index, term, terms, chunks, timeMs: 1, version: 1, bytes: 5, sha256: '' },
    })
    return id
  }

  #inWords(what: unknown): string {
    const madeUp = ['nonce', 'replId', 'leaseValue', 'seed']
    return JSON.stringify(what, (key, value: unknown) => {
      if (value === undefined) return null
      if (key === 'timeMs') return 'time'
      if (madeUp.includes(key) && value !== '') return this.#names.of(value)
      // Terms are milliseconds; what a step chose itself is small.
      if (typeof value === 'number' && value > 1e12) return this.#names.of(value)
      return typeof value === 'string'
        ? value.replaceAll(/\d{13}/g, (term) => this.#names.of(Number(term)))
        : value
    })
  }
}

const entry = (number: number) =>
  encodeEntry({
    opId: `${number}`,
    fingerprint: '',
    since: undefined,
    version: 1,
    command: 'c',
    args: undefined,
  })

test('both do the same, whatever they are asked', async () => {
  const [real, memory] = (await Promise.all(servers.map(async ([, start]) => new Side(await start())))) as [
    Side,
    Side,
  ]
  const said = { appended: 0, fenced: 0, reSeeded: 0, installed: 0 }
  for (const seed of SEEDS) {
    const [first, second] = [seededRandom(seed), seededRandom(seed)]
    await Promise.all([real.begin(), memory.begin()])
    for (let step = 0; step < STEPS; step++) {
      const [expected, actual] = await Promise.all([real.step(first), memory.step(second)])
      expect({ seed, step, ...JSON.parse(actual) }).toEqual({ seed, step, ...JSON.parse(expected) })
      if (actual.includes('"appended"')) said.appended++
      if (actual.includes('"fenced"')) said.fenced++
      if (actual.includes('"reSeed","outcome":{')) said.reSeeded++
      if (actual.includes('"snapshot","outcome":true')) said.installed++
    }
    await open.close()
  }
  for (const times of Object.values(said)) expect(times).toBeGreaterThan(0)
})
