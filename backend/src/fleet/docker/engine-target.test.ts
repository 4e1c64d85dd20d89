import { describe, expect, it } from 'vitest'
import { EngineError } from './engine-error.ts'
import { engineTarget, guardedLookup, isRefusedAddress } from './engine-target.ts'

const refused = (url: string) => {
  try {
    engineTarget(url)
  } catch (error) {
    if (error instanceof EngineError) return error.kind
    throw error
  }
  return 'allowed'
}

describe('engineTarget', () => {
  it.each([
    ['unix:///var/run/docker.sock', { transport: 'unix', socketPath: '/var/run/docker.sock' }],
    ['tcp://10.0.0.5', { transport: 'http', host: '10.0.0.5', port: 2375 }],
    ['tcp://10.0.0.5:2376', { transport: 'https', port: 2376 }],
    ['tcp://10.0.0.5:80', { transport: 'http', port: 80 }],
    ['http://engine.example:1234/prefix/', { transport: 'http', port: 1234, pathPrefix: '/prefix' }],
    ['https://engine.example', { transport: 'https', port: 443, pathPrefix: '' }],
    ['tcp://[fd12::5]:2375', { transport: 'http', host: 'fd12::5', port: 2375 }],
    ['http://127.0.0.1:2375', { host: '127.0.0.1' }],
  ])('takes %s', (url, target) => {
    expect(engineTarget(url)).toMatchObject(target)
  })

  it('uses TLS for tcp when there is TLS material', () => {
    expect(engineTarget('tcp://10.0.0.5', { tls: { verify: true } })).toMatchObject({
      transport: 'https',
      port: 2376,
    })
  })

  it.each([
    'file:///etc/passwd',
    'gopher://x',
    'ssh://host',
    'npipe:////./pipe/docker_engine',
    'docker.sock',
    '',
    'unix://relative.sock',
    'unix:///var/../etc/x',
    'http://user:password@host',
    'http://host/?x=1',
    'tcp://host/path',
    'http://',
    'http://host:99999',
  ])('refuses %s', (url) => {
    expect(refused(url)).toBe('bad-url')
  })

  it.each([
    'http://169.254.169.254',
    'http://169.254.169.254.:80',
    'tcp://169.254.0.1:2375',
    'http://0xa9fea9fe',
    'tcp://2852039166:80',
    'http://0251.0376.0251.0376/',
    'http://[fe80::1]',
    'http://[::ffff:169.254.169.254]',
    'http://[::ffff:a9fe:a9fe]',
    'http://[64:ff9b::169.254.169.254]',
    'http://[2002:a9fe:a9fe::1]',
    'http://[fd00:ec2::254]',
    'http://100.100.100.200',
  ])('refuses the metadata address %s', (url) => {
    expect(refused(url)).toBe('refused-address')
  })

  it('allows private addresses, where engines live', () => {
    for (const address of ['10.0.0.1', '192.168.1.1', '172.16.0.1', '127.0.0.1', '::1', 'fd12::1']) {
      expect(isRefusedAddress(address)).toBe(false)
    }
  })

  it('resolves names to their addresses', async () => {
    const address = await new Promise((resolve, reject) => {
      guardedLookup('localhost', { family: 4 }, (error, found) => (error ? reject(error) : resolve(found)))
    })
    expect(address).toBe('127.0.0.1')
  })
})
