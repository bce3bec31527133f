import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'

/** TLS to other instances. Values are PEM, as for Node's `tls.connect`; they are read once. */
export interface LeaderTls {
  /** Who signs the certificates of the other instances. Default: whom Node trusts. */
  ca?: string | Buffer | readonly (string | Buffer)[]
  /** What this instance shows where another one asks for a client certificate. Default: nothing. */
  cert?: string | Buffer
  /** The private key of `cert`. */
  key?: string | Buffer
  /** For a `key` that is encrypted. */
  passphrase?: string
  /** The name that their certificates must have. Default: the host in the leader's `url`. */
  servername?: string
}

/** What a connection to a leader is made with. */
export interface LeaderTlsSettings {
  readonly secureContext: SecureContext
  readonly servername?: string
}

const NAMES = ['ca', 'cert', 'key', 'passphrase', 'servername']

/**
 * Checks the options, and that what they hold can be used at all. Nothing of a key is ever shown.
 *
 * @param fail gets each problem
 */
export function resolveLeaderTls(
  tls: LeaderTls,
  fail: (problem: string) => void,
): LeaderTlsSettings | undefined {
  if (typeof tls !== 'object' || tls === null) {
    fail('tls must be an object')
    return undefined
  }
  const { servername, ...credentials } = tls
  for (const name of Object.keys(tls)) {
    if (!NAMES.includes(name)) fail(`tls.${name} is not an option; these are: ${NAMES.join(', ')}`)
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) fail('tls.cert and tls.key belong together')
  if (servername !== undefined && (typeof servername !== 'string' || servername === ''))
    fail('tls.servername must be a host name')
  if ([tls.ca ?? []].flat().some((ca) => !isCertificate(ca))) fail('tls.ca must be certificates in PEM')
  try {
    return {
      secureContext: createSecureContext(withoutUndefined(credentials)),
      ...(servername !== undefined && { servername }),
    }
  } catch (error) {
    fail(`tls cannot be used: ${(error as Error).message}`)
    return undefined
  }
}

/** OpenSSL takes a CA that is none for an empty list, and then trusts nobody. */
function isCertificate(pem: string | Buffer): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

function withoutUndefined({ ca, cert, key, passphrase }: LeaderTls): SecureContextOptions {
  return {
    ...(ca !== undefined && { ca: [...[ca].flat()] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
  }
}
