import { Credentials } from '../../src/operate/credentials.js'

function credentialsOf(secret: string, previousSecret?: string): Credentials {
  const credentials = new Credentials()
  credentials.use({ secret, previousSecret })
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

it('believes the secret before the last change, and signs with the new one', () => {
  const changed = credentialsOf('new', 'old')
  expect(changed.verify('text', credentialsOf('old').sign('text'))).toBe(true)
  expect(credentialsOf('new').verify('text', changed.sign('text'))).toBe(true)
  expect(credentialsOf('old').verify('text', changed.sign('text'))).toBe(false)
})

it('before it has joined a group signs nothing and believes nobody', () => {
  const credentials = new Credentials()
  expect(() => credentials.sign('text')).toThrow(expect.objectContaining({ code: 'NOT_STARTED' }))
  expect(credentials.verify('text', credentialsOf('s').sign('text'))).toBe(false)
})
