import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Headers that proxies add: behind one, a request from this machine may come from anywhere. */
const PROXY_HEADERS = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'via',
]

export function isLoopbackAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, '')
  return plain === '::1' || plain === 'localhost' || (isIP(plain) === 4 && plain.startsWith('127.'))
}

type PeerRequest = Pick<IncomingMessage, 'headers' | 'httpVersion'> & {
  socket: {
    remoteAddress?: string | undefined
    localAddress?: string | undefined
    localPort?: number | undefined
  }
}

/**
 * Whether a program on this machine sends this request itself. One address at both ends is this machine too: it
 * is so when the server listens on an address of its own. HTTP/1.0 is what reverse proxies speak that add no header.
 */
export function isLocalPeer({ headers, httpVersion, socket }: PeerRequest): boolean {
  const { remoteAddress, localAddress } = socket
  if (remoteAddress === undefined) return false
  if (!isLoopbackAddress(remoteAddress) && remoteAddress !== localAddress) return false
  return httpVersion !== '1.0' && !PROXY_HEADERS.some((name) => headers[name] !== undefined)
}

/**
 * Whether this request was typed into a browser on this machine. A page elsewhere could point its own name at
 * 127.0.0.1 (DNS rebinding); its requests then carry that name in Host.
 */
export function isFromThisMachine(request: PeerRequest): boolean {
  const { remoteAddress, localPort } = request.socket
  if (!isLoopbackAddress(remoteAddress ?? '') || !isLocalPeer(request)) return false
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(request.headers.host ?? '')
  if (!match) return false
  return LOOPBACK_NAMES.has(match[1]?.toLowerCase() ?? '') && Number(match[2] ?? 80) === localPort
}
