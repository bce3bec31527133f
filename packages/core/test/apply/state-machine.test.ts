import { type Ctx } from '../../src/apply/context.js'
import { type Commands, defineStateMachine, LocalState } from '../../src/apply/state-machine.js'
import { CommandError } from '../../src/errors.js'
import { entryAt } from '../entries.js'

interface State {
  list: unknown[]
}

/** A state machine with these commands, as a JavaScript user may write them: no types stand in the way. */
function machineWith(commands: Record<string, (state: State, args: never, ctx: Ctx) => unknown>) {
  return new LocalState<State, Commands<State>>({
    name: 'm',
    version: 1,
    initial: () => ({ list: [] }),
    commands,
  })
}

function failWith(thrown: unknown) {
  return machineWith({
    put: () => {
      throw thrown
    },
  }).apply(entryAt(1))
}

it('runs a command with the state, its argument and its context', () => {
  const machine = machineWith({
    put: (state, args: string, ctx) => state.list.push([args, ctx.index, ctx.time]),
  })
  expect(machine.apply(entryAt(3, { args: 'a', timeMs: 9 }))).toEqual({ ok: true, result: 1 })
  expect(machine.state.list).toEqual([['a', 3, 9]])
})

it('a CommandError is an outcome, as it was thrown', () => {
  const refusal = new CommandError('insufficient funds', { reason: 'INSUFFICIENT' })
  expect(failWith(refusal)).toEqual({ ok: false, error: refusal })
})

it.each([
  ['an Error', new TypeError('x is not a function'), 'x is not a function'],
  ['a text', 'oops', 'oops'],
  ['nothing', undefined, 'undefined'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
  ['what cannot be shown', Object.create(null), ''],
])('%s is COMMAND_FAILED, and no exception of the replica', (_, thrown, text) => {
  const outcome = failWith(thrown)
  expect(outcome).toMatchObject({ ok: false, error: { code: 'COMMAND_FAILED' } })
  expect(!outcome.ok && outcome.error.message).toContain(`Command "put" threw: ${text}`)
})

it('what a failing command changed before it threw stays', () => {
  const machine = machineWith({
    put: (state) => {
      state.list.push('half')
      throw new Error('too late')
    },
  })
  machine.apply(entryAt(1))
  expect(machine.state.list).toEqual(['half'])
})

it.each(['nope', 'constructor', '__proto__', 'toString', 'hasOwnProperty', ''])(
  '%p is no command',
  (command) => {
    const machine = machineWith({ put: () => 1 })
    expect(machine.knows(command)).toBe(false)
    expect(machine.apply(entryAt(1, { command }))).toMatchObject({
      ok: false,
      error: { code: 'COMMAND_FAILED' },
    })
  },
)

it('an async command is a failed command, and what becomes of its promise ends no process', () => {
  const promise = Promise.reject(new Error('later'))
  promise.catch(() => {})
  const looked = jest.spyOn(promise, 'then')
  const outcome = machineWith({ put: () => promise }).apply(entryAt(1))
  expect(outcome).toMatchObject({ ok: false, error: { code: 'COMMAND_FAILED' } })
  expect(looked).toHaveBeenCalled()
})

it('every replica and every rebuild starts from a state of its own', () => {
  const machine = machineWith({ put: (state) => state.list.push(1) })
  machine.apply(entryAt(1))
  machine.reset()
  expect(machine.state).toEqual({ list: [] })
})

it.each([
  [
    { name: '' },
    'A state machine\'s name must be 1 to 128 characters without colons, braces or white space, not "".',
  ],
  [{ name: 'a:b' }, 'not "a:b"'],
  [{ name: '{a}' }, 'not "{a}"'],
  [{ name: 'a b' }, 'not "a b"'],
  [{ name: 'x'.repeat(129) }, '1 to 128 characters'],
  [{ name: undefined as never }, 'not undefined'],
  [{ version: 0 }, "A state machine's version must be a whole number from 1, not 0."],
  [{ version: 1.5 }, 'not 1.5'],
  [{ version: Number.NaN }, 'not NaN'],
  [{ version: '1' as never }, 'not 1'],
])('defineStateMachine refuses %j', (given, message) => {
  const define = () =>
    defineStateMachine({ name: 'm', version: 1, initial: () => ({}), commands: {}, ...given })
  expect(define).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTIONS', message: expect.stringContaining(message) }),
  )
})
