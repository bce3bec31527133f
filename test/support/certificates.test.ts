import { X509Certificate } from 'node:crypto'
import { type AddressInfo } from 'node:net'
import { connect, createServer, type Server } from 'node:tls'
import { Authority, type Certificate } from './certificates.js'

let authority: Authority
const servers: Server[] = []

beforeAll(async () => {
  authority = await Authority.create()
})
afterAll(() => Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve)))))

/** What comes of a handshake with a server that shows this certificate and asks for one. */
async function handshake(certificate: Certificate, ca: string, servername: string): Promise<string> {
  const server = createServer({ ...certificate, ca, requestCert: true, rejectUnauthorized: true })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return new Promise((resolve) => {
    const socket = connect({ ...certificate, ca, servername, port, host: '127.0.0.1' })
    server.on('secureConnection', (accepted) => accepted.end('welcome'))
    socket.on('data', (data) => resolve(data.toString()))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.on('close', () => resolve('closed'))
  })
}

it('a certificate is good for both sides, and for its hosts alone', async () => {
  const certificate = await authority.issue({ hosts: ['redis.test', '127.0.0.1'] })
  expect(await handshake(certificate, authority.cert, 'redis.test')).toBe('welcome')
  expect(await handshake(certificate, authority.cert, '')).toBe('welcome')
  expect(await handshake(certificate, authority.cert, 'other.test')).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
})

it.each([
  ['Other CA', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['Test CA', 'CERT_SIGNATURE_FAILURE'],
])('another authority is not trusted, whether it is called %s or not', async (name, code) => {
  const { cert } = await Authority.create(name)
  expect(await handshake(await authority.issue(), cert, 'localhost')).toBe(code)
})

it('one that has run out is refused for that', async () => {
  const certificate = await authority.issue({ expired: true })
  expect(await handshake(certificate, authority.cert, 'localhost')).toBe('CERT_HAS_EXPIRED')
})

it('says what it is', async () => {
  expect(new X509Certificate(authority.cert)).toMatchObject({ ca: true, subject: 'CN=Test CA' })
  const { cert } = await authority.issue()
  expect(new X509Certificate(cert)).toMatchObject({
    ca: false,
    subject: 'CN=localhost',
    issuer: 'CN=Test CA',
    subjectAltName: 'DNS:localhost, IP Address:127.0.0.1',
  })
})
