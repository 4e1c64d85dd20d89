import { describe, expect, it } from 'vitest'
import { isFromThisMachine, isLocalPeer, isLoopbackAddress } from './preview.ts'

const request = (
  host: string | undefined,
  over: { headers?: Record<string, string>; httpVersion?: string; remote?: string; local?: string } = {},
) => ({
  headers: { ...(host === undefined ? {} : { host }), ...over.headers },
  httpVersion: over.httpVersion ?? '1.1',
  socket: {
    remoteAddress: over.remote ?? '127.0.0.1',
    localAddress: over.local ?? '127.0.0.1',
    localPort: 3051,
  },
})

describe('isFromThisMachine', () => {
  it.each(['localhost:3051', '127.0.0.1:3051', '[::1]:3051', 'LOCALHOST:3051'])('takes Host %s', (host) => {
    expect(isFromThisMachine(request(host))).toBe(true)
  })

  it.each([
    'evil.example:3051',
    'localhost.evil.example:3051',
    'localhost:80',
    'localhost',
    '127.0.0.1.nip.io:3051',
    '127.0.0.2:3051',
    '0.0.0.0:3051',
    '::1:3051',
    '',
    undefined,
  ])('refuses Host %s', (host) => {
    expect(isFromThisMachine(request(host))).toBe(false)
  })

  it('refuses what comes through a proxy, or from elsewhere', () => {
    expect(
      isFromThisMachine(request('localhost:3051', { headers: { 'x-forwarded-for': '203.0.113.9' } })),
    ).toBe(false)
    expect(isFromThisMachine(request('localhost:3051', { httpVersion: '1.0' }))).toBe(false)
    expect(isFromThisMachine(request('localhost:3051', { remote: '192.0.2.1' }))).toBe(false)
  })
})

describe('isLocalPeer', () => {
  it('takes a connection from this machine to itself, whatever it is called', () => {
    expect(isLocalPeer(request('holdfast.example'))).toBe(true)
    expect(isLocalPeer(request(undefined, { remote: '192.0.2.1', local: '192.0.2.1' }))).toBe(true)
    expect(isFromThisMachine(request('localhost:3051', { remote: '192.0.2.1', local: '192.0.2.1' }))).toBe(
      false,
    )
  })

  it('refuses other machines and proxies', () => {
    expect(isLocalPeer(request('localhost:3051', { remote: '192.0.2.1', local: '192.0.2.2' }))).toBe(false)
    expect(isLocalPeer(request('localhost:3051', { httpVersion: '1.0' }))).toBe(false)
    expect(isLocalPeer(request('localhost:3051', { headers: { via: '1.1 proxy' } }))).toBe(false)
  })
})

describe('isLoopbackAddress', () => {
  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', 'localhost'])('%s is', (address) =>
    expect(isLoopbackAddress(address)).toBe(true),
  )
  it.each(['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', ''])('%s is not', (address) =>
    expect(isLoopbackAddress(address)).toBe(false),
  )
})
