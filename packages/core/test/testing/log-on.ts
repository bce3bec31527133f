import { encodeEntry } from '../../src/log/entry.js'
import type { Claim, ClaimOutcome, ClaimRequest, TermConnection } from '../../src/log/log-store.js'
import type { SnapshotHead } from '../../src/log/snapshot.js'
import type { Parts } from '../../src/parts.js'
import { OpenParts, type Server } from './servers.js'

const entry = (name: string) =>
  encodeEntry({ opId: name, fingerprint: '', since: undefined, version: 1, command: 'add', args: { name } })

/** The log of a server, empty before each test, as instance `a` sees it, which holds the lease. */
export class LogOn {
  readonly #start: () => Promise<Server>
  readonly #open = new OpenParts()
  #server: Server | undefined
  #parts: Parts | undefined
  #leaseValue = ''

  /** Within a `describe`: starts the server before its tests. */
  constructor(start: () => Promise<Server>) {
    this.#start = start
    beforeAll(async () => {
      this.#server = await this.#start()
    })
    beforeEach(async () => {
      await this.server.wipe()
      await this.#enter('a')
    })
    afterEach(() => this.#open.close())
  }

  get server(): Server {
    if (!this.#server) throw new Error('not started')
    return this.#server
  }

  get parts(): Parts {
    if (!this.#parts) throw new Error('not started')
    return this.#parts
  }

  get leaseValue(): string {
    return this.#leaseValue
  }

  /** The server dies and starts again, and the instance connects to it anew. */
  async restart(): Promise<void> {
    await this.server.restart()
    await this.#enter('again')
  }

  /** A connection on which to claim. */
  connect(): Promise<TermConnection> {
    return this.parts.log.openTerm(new AbortController().signal)
  }

  async claimOn(connection: TermConnection, other: Partial<ClaimRequest> = {}): Promise<ClaimOutcome> {
    return connection.claim({
      expectedTerm: await connection.storedTerm(),
      floor: 0,
      leader: { id: 'a', url: 'http://a', publicUrl: undefined },
      leaseValue: this.#leaseValue,
      reason: undefined,
      appVersion: 1,
      ...other,
    })
  }

  async claimed(other: Partial<ClaimRequest> = {}): Promise<{ connection: TermConnection; claim: Claim }> {
    const connection = await this.connect()
    const outcome = await this.claimOn(connection, other)
    if (outcome.kind !== 'claimed') throw new Error(outcome.kind)
    return { connection, claim: outcome.claim }
  }

  /** A leader with a log that has so many entries. */
  async leading(entries = 0): Promise<{ connection: TermConnection; claim: Claim }> {
    const leader = await this.claimed()
    await leader.connection.createLog('L')
    if (entries > 0) await this.append(leader.connection, 0, 0, entries)
    return leader
  }

  /** Appends so many entries behind what the leader takes for the head. */
  append(connection: TermConnection, head: number, headTerm: number, count = 1) {
    const entries = Array.from({ length: count }, (_, i) => entry(`e${head + i + 1}`))
    return connection.append({ head, headTerm, entries })
  }

  page(after = 0, limit = 100) {
    return this.parts.log.read(after, limit, undefined)
  }

  async store(head: Pick<SnapshotHead, 'id' | 'index' | 'term' | 'terms'>): Promise<SnapshotHead> {
    const whole = { logId: 'L', timeMs: 5, version: 1, chunks: 1, bytes: 3, sha256: 'x', ...head }
    await this.parts.snapshots.writeChunk(head.id, 0, Buffer.from('abc'))
    await this.parts.snapshots.writeHead(whole)
    return whole
  }

  async #enter(name: string): Promise<void> {
    this.#parts = await this.#open.of(this.server, name)
    this.#leaseValue = (await this.#parts.leases.acquire())?.value ?? this.#leaseValue
  }
}
