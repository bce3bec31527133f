import { Inbox } from './inbox.js'

const any = () => true

it('gives what came before and what comes later, in order', async () => {
  const inbox = new Inbox<number>()
  inbox.put(1)
  expect(await inbox.take(any, 1_000)).toBe(1)
  const first = inbox.take(any, 1_000)
  const second = inbox.take(any, 1_000)
  inbox.put(2)
  inbox.put(3)
  expect(await Promise.all([first, second])).toEqual([2, 3])
})

it('takes out what is wanted and leaves the others', async () => {
  const inbox = new Inbox<number>()
  for (const n of [1, 2, 3]) inbox.put(n)
  expect(await inbox.take((n) => n === 2, 1_000)).toBe(2)
  expect(await inbox.take(any, 1_000)).toBe(1)
  expect(await inbox.take(any, 1_000)).toBe(3)
})

it('gives up at the deadline and says what nobody wanted', async () => {
  const inbox = new Inbox<number>()
  inbox.put(1)
  await expect(inbox.take((n) => n === 2, 20)).rejects.toThrow('Waited 20 ms for a message; unread: [1]')
  expect(await inbox.take(any, 1_000)).toBe(1)
})

it('fails who waits when it closes, now and later, but still gives what came before', async () => {
  const inbox = new Inbox<number>()
  const waiting = inbox.take((n) => n === 2, 1_000)
  inbox.put(1)
  inbox.close(new Error('over'))
  await expect(waiting).rejects.toThrow('over')
  expect(await inbox.take(any, 1_000)).toBe(1)
  await expect(inbox.take(any, 1_000)).rejects.toThrow('over')
})
