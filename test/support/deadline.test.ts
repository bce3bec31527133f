import { EventEmitter } from 'node:events'
import { runInNewContext } from 'node:vm'
import { eventually, once, within } from './deadline.js'

const never = new Promise<never>(() => {})

describe('eventually', () => {
  it('returns the first truthy value', async () => {
    let calls = 0
    expect(await eventually(() => ++calls === 3 && `call ${calls}`, { intervalMs: 1 })).toBe('call 3')
  })

  it('takes a check that throws for "not yet"', async () => {
    let calls = 0
    const check = async () => {
      if (++calls < 3) throw new Error('too early')
      return calls
    }
    expect(await eventually(check, { intervalMs: 1 })).toBe(3)
  })

  it('says what it waited for and the last value', async () => {
    await expect(eventually(() => 0, { timeoutMs: 20, message: 'a number' })).rejects.toThrow(
      'Waited 20 ms for a number; last value: 0',
    )
  })

  it('says the last error and keeps it as the cause', async () => {
    const cause = new Error('refused')
    const check = () => Promise.reject(cause)
    await expect(eventually(check, { timeoutMs: 20 })).rejects.toMatchObject({
      message: 'Waited 20 ms for the condition; last error: refused',
      cause,
    })
  })

  it('ends although a check hangs on a promise of another realm, as fetch returns', async () => {
    const foreign: Promise<never> = runInNewContext('new Promise(() => {})')
    await expect(eventually(() => foreign, { timeoutMs: 20 })).rejects.toThrow('last error: the check hung')
  })

  it('ends although a check hangs', async () => {
    await expect(eventually(() => never, { timeoutMs: 20 })).rejects.toThrow('last error: the check hung')
  })
})

describe('within', () => {
  it('settles as the promise does', async () => {
    expect(await within(Promise.resolve(1))).toBe(1)
    await expect(within(Promise.reject(new Error('no')))).rejects.toThrow('no')
  })

  it('gives up at the deadline', async () => {
    await expect(within(never, { timeoutMs: 20, message: 'a miracle' })).rejects.toThrow(
      'Waited 20 ms for a miracle',
    )
  })
})

describe('once', () => {
  it('resolves with the arguments of the next event that fits, and lets go of the emitter', async () => {
    const emitter = new EventEmitter()
    const high = once<[number]>(emitter, 'value', { where: (value) => value > 1 })
    for (const value of [1, 2, 3]) emitter.emit('value', value)
    expect(await high).toEqual([2])
    expect(emitter.listenerCount('value')).toBe(0)
  })

  it('gives up at the deadline and says how many other events came', async () => {
    const emitter = new EventEmitter()
    const waiting = once<[number]>(emitter, 'value', { timeoutMs: 20, where: (value) => value > 1 })
    emitter.emit('value', 1)
    await expect(waiting).rejects.toThrow('Waited 20 ms for event "value"; 1 others came')
    expect(emitter.listenerCount('value')).toBe(0)
  })

  it('rejects when the condition throws', async () => {
    const emitter = new EventEmitter()
    const where = () => {
      throw new Error('bad condition')
    }
    const waiting = once(emitter, 'value', { where })
    emitter.emit('value')
    await expect(waiting).rejects.toThrow('bad condition')
  })
})
