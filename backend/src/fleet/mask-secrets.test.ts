import { describe, expect, it } from 'vitest'
import {
  isSecretName,
  MASK,
  maskArguments,
  maskCommandLine,
  maskRecord,
  maskText,
  maskVariable,
} from './mask-secrets.ts'

describe('secret names', () => {
  it.each([
    'PASSWORD',
    'POSTGRES_PASSWORD',
    'MYSQL_ROOT_PASSWORD',
    'db_passwd',
    'DB_PASS',
    'SECRET',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_ACCESS_KEY_ID',
    'API_KEY',
    'apiKey',
    'GITHUB_TOKEN',
    'authToken',
    'JWT_SECRET_BASE64',
    'STRIPE_KEY',
    'KEY',
    'SENTRY_DSN',
    'PRIVATE_KEY',
    'tokens',
    'SESSION_SECRET',
    'traefik.basic.password',
    'ENCRYPTION_KEYS',
    'SMTP_PWD',
  ])('masks %s', (name) => {
    expect(isSecretName(name)).toBe(true)
  })

  it.each([
    'PATH',
    'HOME',
    'PWD',
    'KEYBOARD',
    'MONKEY',
    'PASSENGER_COUNT',
    'POSTGRES_PASSWORD_FILE',
    'LANG',
    'NODE_ENV',
    'HOSTNAME',
    'com.docker.compose.project',
    'com.docker.compose.config-hash',
    'org.opencontainers.image.authors',
    'AUTHOR_NAME',
    'SSH_AUTH_SOCK',
  ])('leaves %s', (name) => {
    expect(isSecretName(name)).toBe(false)
  })
})

describe('secret values', () => {
  it('masks the password of a URL and keeps the rest', () => {
    expect(maskText('postgres://app:s3cret@db:5432/app?sslmode=require')).toBe(
      `postgres://app:${MASK}@db:5432/app?sslmode=require`,
    )
    expect(maskText('redis://:hunter2@cache')).toBe(`redis://:${MASK}@cache`)
  })

  it('masks tokens in headers and queries', () => {
    expect(maskText('Authorization: Bearer abcdefgh.ijkl')).toBe(`Authorization: Bearer ${MASK}`)
    expect(maskText('https://x/hook?token=abc&y=1')).toBe(`https://x/hook?token=${MASK}&y=1`)
  })

  it('leaves harmless text as it is', () => {
    for (const text of ['http://host:8080/path', 'user@example.com', '12:30:45', 'a=b']) {
      expect(maskText(text)).toBe(text)
    }
  })

  it('masks a variable by its name, and says so', () => {
    expect(maskVariable('DB_PASSWORD=x=y')).toEqual({ name: 'DB_PASSWORD', value: MASK, masked: true })
    expect(maskVariable('DB_PASSWORD=')).toEqual({ name: 'DB_PASSWORD', value: '', masked: false })
    expect(maskVariable('URL=amqp://u:p@h')).toEqual({
      name: 'URL',
      value: `amqp://u:${MASK}@h`,
      masked: true,
    })
    expect(maskVariable('NODE_ENV=production')).toEqual({
      name: 'NODE_ENV',
      value: 'production',
      masked: false,
    })
    expect(maskVariable('FLAG')).toEqual({ name: 'FLAG', value: '', masked: false })
  })

  it('masks arguments written together and apart', () => {
    expect(maskArguments(['--password=abc', '--port', '80', '--token', 'xyz', '-v'])).toEqual([
      `--password=${MASK}`,
      '--port',
      '80',
      '--token',
      MASK,
      '-v',
    ])
    expect(maskArguments(['sh', '-c', 'mysql --password=abc -h db'])).toEqual([
      'sh',
      '-c',
      `mysql --password=${MASK} -h db`,
    ])
  })

  it('masks a command line', () => {
    expect(maskCommandLine('redis-server --requirepass-token abc --port 1')).toBe(
      `redis-server --requirepass-token ${MASK} --port 1`,
    )
    expect(maskCommandLine('node server.js --port 3000')).toBe('node server.js --port 3000')
  })

  it('masks labels and survives one called __proto__', () => {
    const labels: unknown = JSON.parse('{"__proto__":"x","app.token":"abc","url":"http://u:p@h","plain":"1"}')
    const masked = maskRecord(labels as Record<string, string>)
    expect(Object.entries(masked)).toEqual([
      ['__proto__', 'x'],
      ['app.token', MASK],
      ['url', `http://u:${MASK}@h`],
      ['plain', '1'],
    ])
  })

  it('stays linear on hostile text', () => {
    const hostile = `${'a'.repeat(50_000)}://${':'.repeat(50_000)}@`
    expect(maskText(hostile).length).toBeGreaterThan(0)
    expect(maskCommandLine(`${'password'.repeat(2_000)} `)).toBeTypeOf('string')
  })
})
