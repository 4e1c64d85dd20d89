import { userInfo } from 'node:os'

export type EngineErrorKind =
  | 'bad-url'
  | 'refused-address'
  | 'connection-refused'
  | 'no-socket'
  | 'permission'
  | 'unknown-host'
  | 'unreachable'
  | 'timeout'
  | 'tls'
  | 'unauthorized'
  | 'not-docker'
  | 'api-too-old'
  | 'too-large'
  | 'closed'
  | 'not-found'
  | 'conflict'
  | 'engine'

/** What went wrong with an engine, in words for the person who runs it; `hint` says what to do. */
export class EngineError extends Error {
  readonly kind: EngineErrorKind
  readonly hint: string | undefined
  /** HTTP status of the engine's answer, where there was one. */
  readonly status: number | undefined

  constructor(
    kind: EngineErrorKind,
    message: string,
    details: { hint?: string | undefined; status?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause })
    this.name = 'EngineError'
    this.kind = kind
    this.hint = details.hint
    this.status = details.status
  }
}

/** The `code` of a Node system error. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

const tlsHints: Readonly<Record<string, { message: string; hint: string }>> = {
  CERT_HAS_EXPIRED: {
    message: "The engine's certificate has expired",
    hint: 'Renew the certificate on the engine.',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    message: "The engine's certificate is for another host name",
    hint: 'Use a host name that the certificate names, or issue one for this address.',
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    message: 'The other side does not speak TLS',
    hint: 'Remove the TLS settings, or use the TLS port of the engine (usually 2376).',
  },
  ERR_OSSL_PEM_NO_START_LINE: {
    message: 'A certificate or key is not in PEM form',
    hint: 'Paste the whole PEM text, from -----BEGIN to END-----.',
  },
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: {
    message: 'The client key does not belong to the client certificate',
    hint: 'Use key.pem and cert.pem of the same client.',
  },
}
const untrustedCodes = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
])

function tlsError(code: string, cause: unknown): EngineError | undefined {
  const known = tlsHints[code]
  if (known) return new EngineError('tls', known.message, { hint: known.hint, cause })
  if (untrustedCodes.has(code)) {
    return new EngineError('tls', "The engine's certificate is not signed by a trusted authority", {
      hint: "Add the authority's certificate (ca.pem) to the endpoint.",
      cause,
    })
  }
  if (/^ERR_SSL_.*(CERTIFICATE|UNKNOWN_CA|HANDSHAKE)/.test(code)) {
    return new EngineError('tls', 'The engine refused the client certificate', {
      hint: 'Add cert.pem and key.pem signed by the authority that the engine trusts.',
      cause,
    })
  }
  if (
    code === 'EPROTO' ||
    code.startsWith('ERR_SSL') ||
    code.startsWith('ERR_TLS') ||
    code.startsWith('ERR_OSSL')
  ) {
    return new EngineError('tls', `The TLS connection failed (${code})`, {
      hint: 'Check that the address is the TLS port of the engine and that the certificates match.',
      cause,
    })
  }
  return undefined
}

/** Turns what Node throws for a failed request to `where` (for the message) into an {@link EngineError}. */
export function connectionError(error: unknown, where: string): EngineError {
  if (error instanceof EngineError) return error
  const code = errorCode(error) ?? ''
  const tls = tlsError(code, error)
  if (tls) return tls
  const isSocket = where.startsWith('unix://')
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return new EngineError('permission', `No permission to use ${where}`, {
        hint: `Add the user ${userName()} to the group that owns the socket (usually: sudo usermod -aG docker ${userName()}), then log in again; in a container, pass the group with --group-add.`,
        cause: error,
      })
    case 'ENOENT':
      return new EngineError('no-socket', `There is no socket at ${where}`, {
        hint: 'Start the Docker engine, or set DOCKER_SOCKET to where its socket is.',
        cause: error,
      })
    case 'ECONNREFUSED':
      return new EngineError('connection-refused', `Nothing answers at ${where}`, {
        hint: isSocket
          ? 'The socket is there but no engine listens: start the Docker engine.'
          : 'Check the address and port, and that the engine listens on TCP.',
        cause: error,
      })
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new EngineError('unknown-host', `The host name of ${where} is not known`, {
        hint: 'Check the spelling and the DNS server of this machine.',
        cause: error,
      })
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return new EngineError('unreachable', `There is no route to ${where}`, {
        hint: 'Check the network, firewall or VPN between the two.',
        cause: error,
      })
    case 'ETIMEDOUT':
      return new EngineError('timeout', `${where} did not answer in time`, {
        hint: 'Check that the host is up and that no firewall drops the connection.',
        cause: error,
      })
    default:
      if (code.startsWith('HPE_')) {
        return new EngineError('not-docker', `${where} does not speak HTTP`, {
          hint: 'Check the port; for a TLS port use https:// or add the TLS certificates.',
          cause: error,
        })
      }
      return new EngineError('closed', `The connection to ${where} broke${code ? ` (${code})` : ''}`, {
        cause: error,
      })
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // The user id of a container often has no entry in /etc/passwd.
    return 'of this process'
  }
}

/** Turns an HTTP answer outside 2xx into an {@link EngineError}. `body` is what the engine sent, cut. */
export function answerError(status: number, body: string, where: string): EngineError {
  const message = engineMessage(body)
  if (status >= 300 && status < 400) {
    return new EngineError('not-docker', `${where} redirects elsewhere`, {
      hint: 'Redirects are not followed: enter the final address.',
      status,
    })
  }
  if (status === 401) {
    return new EngineError('unauthorized', message ?? `${where} refused the credentials (401)`, {
      hint: 'Check the API key or certificate.',
      status,
    })
  }
  if (status === 403) {
    return new EngineError('unauthorized', message ?? `${where} does not allow this (403)`, {
      hint: 'Check what the API key or certificate is allowed to do, or what a filter before the socket lets through.',
      status,
    })
  }
  if (status === 400 && body.includes('HTTP request to an HTTPS server')) {
    return new EngineError('tls', `${where} expects TLS`, {
      hint: 'Use https://, or add the TLS certificates to the endpoint.',
      status,
    })
  }
  if (message !== undefined && /client version .* is too (old|new)/.test(message)) {
    return new EngineError('api-too-old', message, { hint: 'Update the Docker engine.', status })
  }
  if (message === undefined && status === 404) {
    return new EngineError('not-docker', `${where} is not a Docker engine`, {
      hint: 'Check the address and port; for Portainer choose the kind "portainer".',
      status,
    })
  }
  const kind = status === 404 ? 'not-found' : status === 409 ? 'conflict' : 'engine'
  return new EngineError(kind, message ?? `${where} answered ${status}`, { status })
}

function engineMessage(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null || !('message' in parsed)) return undefined
    return typeof parsed.message === 'string' ? parsed.message.slice(0, 500) : undefined
  } catch {
    // Not JSON: an answer of something that is not an engine.
    return undefined
  }
}
