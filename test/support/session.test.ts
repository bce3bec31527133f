import { cookieSession, headerSession } from './session.js'

const reply = (status: number, ...headers: [string, string][]) => ({ status, headers: new Headers(headers) })

it('a program sends the position of the last answer', () => {
  const session = headerSession()
  expect(session.headers()).toEqual({})
  session.take(reply(200, ['Leasehold-Position', 'log.1.5']))
  session.take(reply(404, ['Leasehold-Position', 'log.1.6']))
  session.take(reply(200))
  session.take(reply(504, ['Leasehold-Position', 'log.1.2']))
  expect(session.headers()).toEqual({ 'leasehold-position': 'log.1.6' })
})

it('a browser sends the cookies that were set last, and forgets those that were taken back', () => {
  const session = cookieSession()
  expect(session.headers()).toEqual({})
  session.take(reply(200, ['Set-Cookie', 'seen=a=b; Path=/; HttpOnly'], ['Set-Cookie', 'other=1']))
  expect(session.headers()).toEqual({ cookie: 'seen=a=b; other=1' })
  session.take(reply(504, ['Set-Cookie', 'seen=c; Path=/']))
  expect(session.headers()).toEqual({ cookie: 'seen=c; other=1' })
  session.take(reply(409, ['Set-Cookie', 'seen=; Path=/; Max-Age=0']))
  expect(session.headers()).toEqual({ cookie: 'other=1' })
})
