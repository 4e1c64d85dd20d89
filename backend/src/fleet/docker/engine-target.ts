import { type LookupOptions, lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { EngineError } from './engine-error.ts'

export interface TlsMaterial {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly verify: boolean
}

/** Where and how an Engine API is reached. Built only by {@link engineTarget}, which has checked it. */
export type EngineTarget =
  | { readonly transport: 'unix'; readonly socketPath: string; readonly pathPrefix: ''; readonly url: string }
  | {
      readonly transport: 'http' | 'https'
      readonly host: string
      readonly port: number
      /** Begins with a slash and ends without one; empty for the root. */
      readonly pathPrefix: string
      readonly tls: TlsMaterial | undefined
      readonly headers: Readonly<Record<string, string>>
      readonly url: string
    }

// Cloud metadata services hand credentials to whoever asks. Other private addresses are where Docker
// engines normally live, so they stay allowed for the admin who types them.
const metadataAddresses = new BlockList()
metadataAddresses.addSubnet('169.254.0.0', 16, 'ipv4')
metadataAddresses.addAddress('100.100.100.200', 'ipv4')
metadataAddresses.addSubnet('fe80::', 10, 'ipv6')
metadataAddresses.addAddress('fd00:ec2::254', 'ipv6')
metadataAddresses.addSubnet('::ffff:a9fe:0', 112, 'ipv6')
metadataAddresses.addSubnet('::a9fe:0', 112, 'ipv6')
metadataAddresses.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6')
metadataAddresses.addSubnet('2002:a9fe::', 32, 'ipv6')

/** True for link-local and metadata addresses, in any of their IPv6 disguises. */
export function isRefusedAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0) return false
  return metadataAddresses.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/**
 * Resolves as `dns.lookup` does, and fails when any address is refused: the check happens on the
 * address that is then connected to, so a name that changes its answer gains nothing.
 */
export const guardedLookup: LookupFunction = (hostname, options: LookupOptions, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) {
      callback(error, '', 0)
      return
    }
    const refused = addresses.find((entry) => isRefusedAddress(entry.address))
    const first = addresses[0]
    if (refused || !first) {
      callback(refusedAddress(refused?.address ?? hostname), '', 0)
      return
    }
    if (options.all === true) callback(null, addresses)
    else callback(null, first.address, first.family)
  })
}

function refusedAddress(address: string): EngineError {
  return new EngineError('refused-address', `${address} is a link-local or metadata address`, {
    hint: 'Use an address of the engine that is not within 169.254.0.0/16 or fe80::/10.',
  })
}

/**
 * Checks a typed engine URL and turns it into a target.
 *
 * @param url `unix:///path`, `tcp://host[:port]`, `http://host[:port][/prefix]` or `https://…`. tcp means TLS
 *   on port 2376 when TLS material is given or the port is 2376, otherwise plain HTTP on port 2375.
 * @throws EngineError of kind `bad-url` or `refused-address`
 */
export function engineTarget(
  url: string,
  options: { tls?: TlsMaterial | undefined; headers?: Readonly<Record<string, string>> } = {},
): EngineTarget {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase()
  if (scheme === 'unix') return unixTarget(url)
  if (scheme !== 'tcp' && scheme !== 'http' && scheme !== 'https') {
    throw badUrl('The URL must start with unix://, tcp://, http:// or https://')
  }
  // A non-special scheme would leave hosts such as 0xa9fea9fe as text, past every address check.
  const parsed = parseUrl(scheme === 'tcp' ? `http://${url.slice(url.indexOf('://') + 3)}` : url)
  if (parsed.username !== '' || parsed.password !== '')
    throw badUrl('The URL must not hold a user or password')
  if (parsed.search !== '' || parsed.hash !== '') throw badUrl('The URL must not hold a query or a fragment')
  const host = parsed.hostname.replace(/^\[|\]$/g, '')
  if (host === '') throw badUrl('The URL names no host')
  if (isRefusedAddress(host)) throw refusedAddress(host)

  const pathPrefix = parsed.pathname.replace(/\/+$/, '')
  if (scheme === 'tcp' && pathPrefix !== '') throw badUrl('A tcp:// URL has no path')
  // `http://h:80` parses to an empty port, so an explicit 80 after tcp:// has to be read from the text.
  const typedPort = /:(\d+)\/*$/.exec(url.slice(url.indexOf('://') + 3).split('/')[0] ?? '')?.[1]
  const tcpTls = options.tls !== undefined || typedPort === '2376'
  const secure = scheme === 'https' || (scheme === 'tcp' && tcpTls)
  const fallbackPort = scheme === 'tcp' ? (secure ? 2376 : 2375) : secure ? 443 : 80
  return {
    transport: secure ? 'https' : 'http',
    host,
    port: typedPort === undefined ? fallbackPort : Number(typedPort),
    pathPrefix,
    tls: secure ? (options.tls ?? { verify: true }) : undefined,
    headers: options.headers ?? {},
    url,
  }
}

function unixTarget(url: string): EngineTarget {
  const socketPath = url.slice('unix://'.length)
  if (!socketPath.startsWith('/'))
    throw badUrl('A unix:// URL needs an absolute path: unix:///var/run/docker.sock')
  if (socketPath.includes('\0') || socketPath.split('/').includes('..'))
    throw badUrl('The socket path is not valid')
  return { transport: 'unix', socketPath, pathPrefix: '', url }
}

function parseUrl(text: string): URL {
  try {
    return new URL(text)
  } catch (error) {
    // Only ERR_INVALID_URL can be thrown here.
    throw badUrl('This is not a URL', error)
  }
}

function badUrl(message: string, cause?: unknown): EngineError {
  return new EngineError('bad-url', message, {
    hint: 'Examples: unix:///var/run/docker.sock, tcp://10.0.0.5:2376, https://portainer.example.com',
    cause,
  })
}
