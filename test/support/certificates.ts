import 'reflect-metadata' // first: @peculiar/x509 cannot be loaded without it
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { KeyObject, type webcrypto } from 'node:crypto'
import { isIP } from 'node:net'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000

/** A certificate and its private key, both as PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** What a test's certificate says. */
export interface CertificateRequest {
  /** Host names and addresses that it is good for. Default: localhost and 127.0.0.1. */
  hosts?: readonly string[]
  /** True for one that ran out yesterday. */
  expired?: boolean
}

/** A certificate authority of the test's own: real certificates, made on the spot. */
export class Authority {
  /** Its certificate as PEM: what others are to trust. */
  readonly cert: string
  readonly #certificate: X509Certificate
  readonly #keys: webcrypto.CryptoKeyPair

  private constructor(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.cert = certificate.toString('pem')
    this.#certificate = certificate
    this.#keys = keys
  }

  /** Two of the same name are still strangers. */
  static async create(name = 'Test CA'): Promise<Authority> {
    const keys = await createKeys()
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...validity(),
      name: `CN=${name}`,
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    })
    return new Authority(certificate, keys)
  }

  /** A certificate for a server, which a client may show as well. */
  async issue(request: CertificateRequest = {}): Promise<Certificate> {
    const { hosts = ['localhost', '127.0.0.1'], expired = false } = request
    const keys = await createKeys()
    const certificate = await X509CertificateGenerator.create({
      ...validity(expired),
      subject: `CN=${hosts[0]}`,
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension(
          hosts.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
        ),
      ],
    })
    const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' })
    return { cert: certificate.toString('pem'), key: String(key) }
  }
}

function createKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

/** From two days ago until tomorrow, or until yesterday. */
function validity(expired = false): { notBefore: Date; notAfter: Date } {
  const now = Date.now()
  return { notBefore: new Date(now - 2 * DAY_MS), notAfter: new Date(now + (expired ? -DAY_MS : DAY_MS)) }
}
