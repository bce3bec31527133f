import { Credentials } from '../../src/operate/credentials.js'

function credentialsOf(secret: string, { previous = '', next = '' } = {}): Credentials {
  const credentials = new Credentials()
  credentials.use({ secret, previous, next, version: '1-1' })
  return credentials
}

it('what one instance signs, another one of the group believes', () => {
  const signature = credentialsOf('s').sign('text')
  expect(credentialsOf('s').verify('text', signature)).toBe(true)
})

it.each([
  ['another text', 'other', (signature: string) => signature],
  ['another signature of the same length', 'text', (signature: string) => signature.replace(/^./, '!')],
  ['a part of it', 'text', (signature: string) => signature.slice(1)],
  ['nothing', 'text', () => ''],
  ['what is not ASCII', 'text', (signature: string) => `é${signature.slice(1)}`],
])('does not believe %s', (_, text, change) => {
  const credentials = credentialsOf('s')
  expect(credentials.verify(text, change(credentials.sign('text')))).toBe(false)
})

it('signs with one secret only, whatever else it believes', () => {
  const signature = credentialsOf('new').sign('text')
  for (const more of [{}, { previous: 'old' }, { next: 'newer' }, { previous: 'old', next: 'newer' }]) {
    expect(credentialsOf('new', more).sign('text')).toBe(signature)
  }
})

it('believes the secret before the last change, and the one to come', () => {
  const changing = credentialsOf('new', { previous: 'old', next: 'newer' })
  for (const secret of ['old', 'new', 'newer']) {
    expect(changing.verify('text', credentialsOf(secret).sign('text'))).toBe(true)
  }
  expect(changing.verify('text', credentialsOf('newest').sign('text'))).toBe(false)
})

it('does not believe what is signed with no secret at all, where none is before or to come', () => {
  expect(credentialsOf('s').verify('text', credentialsOf('').sign('text'))).toBe(false)
})

it('one step of a rotation apart each believes what the other signs; two steps apart they do not', () => {
  const steps = [
    credentialsOf('old'),
    credentialsOf('old', { next: 'new' }),
    credentialsOf('new', { previous: 'old' }),
    credentialsOf('new'),
  ]
  const believed = steps.map((from) => steps.map((to) => to.verify('text', from.sign('text'))))
  expect(believed).toEqual([
    [true, true, true, false],
    [true, true, true, false],
    [false, true, true, true],
    [false, true, true, true],
  ])
})

it('forgets a secret as soon as the group has', () => {
  const credentials = credentialsOf('new', { previous: 'old' })
  const signature = credentialsOf('old').sign('text')
  expect(credentials.verify('text', signature)).toBe(true)
  credentials.use({ secret: 'new', previous: '', next: '', version: '2-2' })
  expect(credentials.verify('text', signature)).toBe(false)
})

it('before it has joined a group signs nothing and believes nobody', () => {
  const credentials = new Credentials()
  expect(() => credentials.sign('text')).toThrow(expect.objectContaining({ code: 'NOT_STARTED' }))
  expect(credentials.verify('text', credentialsOf('s').sign('text'))).toBe(false)
})
