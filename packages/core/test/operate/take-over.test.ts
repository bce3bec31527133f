import { TermTable } from '../../src/log/history.js'
import type { Claim, TermConnection } from '../../src/log/log-store.js'
import type { CatchUp } from '../../src/replicate/catch-up.js'
import { type Successor, takeOver } from '../../src/operate/take-over.js'

const claim: Claim = {
  ...{ logId: 'L', nonce: 'n', replId: 'r', seed: '', term: 7, head: 5, headTerm: 6 },
  ...{ table: new TermTable(), replIdChanged: false },
}

/** An instance that has applied so much, and gets so far by reading the log. */
function successor(applied: number, reachable: number, given: Partial<CatchUp> = {}) {
  const warnings: string[] = []
  const applier = { index: applied }
  const catchUp = {
    onHistory: true,
    adopt: async () => {},
    toHead: async () => {
      applier.index = reachable
    },
    ...given,
  }
  const parts = {
    ...{ id: 'a', applier, catchUp, replicates: true, recovers: true },
    warn: (code: string) => warnings.push(code),
  }
  return { parts: parts as unknown as Successor, warnings }
}

const run = (of: Successor) => takeOver(of, claim, {} as TermConnection, new AbortController().signal)

it('serves from exactly the head that the claim found', async () => {
  const { parts, warnings } = successor(3, 5)
  expect(await run(parts)).toBe(claim)
  expect(warnings).toEqual([])
})

it('does not serve a log that has nothing behind what it has applied, and says so', async () => {
  const { parts, warnings } = successor(3, 3)
  expect(await run(parts)).toBeUndefined()
  expect(warnings).toEqual(['LOG_INCOMPLETE'])
})

it.each(['adopt', 'toHead'] as const)(
  'does not wait past its end for a replica that is busy: %s',
  async (step) => {
    const end = new AbortController()
    const { parts, warnings } = successor(3, 5, {
      [step]: () => {
        end.abort()
        return new Promise<void>(() => {})
      },
    })
    expect(await takeOver(parts, claim, {} as TermConnection, end.signal)).toBeUndefined()
    expect(warnings).toEqual([])
  },
)
