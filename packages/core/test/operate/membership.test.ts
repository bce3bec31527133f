import { createDeferred, type Deferred } from '../../src/deferred.js'
import { LeaseholdError } from '../../src/errors.js'
import type { Secrets } from '../../src/log/log-store.js'
import { Credentials } from '../../src/operate/credentials.js'
import { Membership } from '../../src/operate/membership.js'
import { settle } from '../../src/testing/virtual-clock.js'

const logger = { debug() {}, info() {}, warn() {}, error() {} }

function secretsOf(version: string): Secrets {
  return { secret: `secret of ${version}`, previous: '', next: '', version }
}

/** A membership whose log answers when the test says so. */
function membershipOf() {
  const calls: ({ call: string; knows: string | undefined } & Deferred<Secrets | undefined>)[] = []
  const happened: string[] = []
  const called = (call: string, knows: string | undefined) => {
    const answer = createDeferred<Secrets | undefined>()
    calls.push({ call, knows, ...answer })
    return answer.promise
  }
  const membership = new Membership({
    log: {
      join: (application, _version, knows) =>
        called(`join ${application}`, knows?.version) as Promise<Secrets>,
      rotateSecret: (version) => called('rotate', version),
    },
    credentials: new Credentials(),
    application: 'bank',
    appVersion: 1,
    logger,
    changed: () => happened.push('changed'),
    warn: (code) => happened.push(code),
  })
  return { membership, calls, happened }
}

async function joined(version = '1-1') {
  const parts = membershipOf()
  const joining = parts.membership.join()
  await settle()
  parts.calls[0]?.resolve(secretsOf(version))
  await joining
  parts.calls.length = 0
  return parts
}

it('joins with nothing, and again with what it knows', async () => {
  const { membership, calls, happened } = membershipOf()
  void membership.join()
  await settle()
  expect(calls).toMatchObject([{ call: 'join bank', knows: undefined }])
  expect(membership.version).toBe('')
  calls[0]?.resolve(secretsOf('1-1'))
  void membership.join()
  await settle()
  expect(membership.version).toBe('1-1')
  expect(calls[1]).toMatchObject({ call: 'join bank', knows: '1-1' })
  calls[1]?.resolve(secretsOf('1-1'))
  await settle()
  expect(happened).toEqual([]) // nothing that others would have to know
})

it.each(['2-1', ''])('joins again when the log shows %j', async (shown) => {
  const { membership, calls, happened } = await joined()
  membership.noticed(shown)
  await settle()
  expect(calls).toMatchObject([{ call: 'join bank', knows: '1-1' }])
  calls[0]?.resolve(secretsOf('2-1'))
  await settle()
  expect(membership.version).toBe('2-1')
  expect(happened).toEqual(['changed'])
})

it('does nothing while the log shows what it knows, or before it has joined', async () => {
  const { membership, calls } = await joined()
  membership.noticed('1-1')
  const early = membershipOf()
  early.membership.noticed('1-1')
  await settle()
  expect([...calls, ...early.calls]).toEqual([])
})

it('joins once at a time, however often the log shows it', async () => {
  const { membership, calls } = await joined()
  for (let i = 0; i < 5; i++) membership.noticed('2-1')
  await settle()
  expect(calls).toHaveLength(1)
  calls[0]?.reject(new Error('Connection is closed.'))
  await settle()
  expect(calls).toHaveLength(1) // it waits for the next look
  membership.noticed('2-1')
  await settle()
  expect(calls).toHaveLength(2)
})

it('warns once of a refusal, goes on trying, and warns again after it was let in', async () => {
  const { membership, calls, happened } = await joined()
  const refuse = async () => {
    membership.noticed('')
    await settle()
    calls.at(-1)?.reject(new LeaseholdError('APP_MISMATCH', 'Group "g" belongs to another.'))
    await settle()
  }
  await refuse()
  await refuse()
  expect(happened).toEqual(['APP_MISMATCH'])
  expect(membership.version).toBe('1-1') // and goes on with what it knows

  membership.noticed('')
  await settle()
  calls.at(-1)?.resolve(secretsOf('1-1'))
  await settle()
  await refuse()
  expect(happened).toEqual(['APP_MISMATCH', 'APP_MISMATCH'])
  expect(calls).toHaveLength(4)
})

it('takes answers over in the order in which Redis gave them', async () => {
  const { membership, calls } = await joined()
  membership.noticed('2-1')
  void membership.rotate('1-1')
  await settle()
  expect(calls.map(({ call }) => call)).toEqual(['join bank'])
  calls[0]?.resolve(secretsOf('2-1'))
  await settle()
  expect(calls.map(({ call }) => call)).toEqual(['join bank', 'rotate'])
  calls[1]?.resolve(undefined) // other secrets are stored by now: it asks which
  await settle()
  expect(calls[2]).toMatchObject({ call: 'join bank', knows: '2-1' })
  calls[2]?.resolve(secretsOf('3-1'))
  await settle()
  expect(membership.version).toBe('3-1')
})
