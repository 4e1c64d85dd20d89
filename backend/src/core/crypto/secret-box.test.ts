import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isSampleSecret } from './sample-secrets.ts'
import { createSecretBox, loadSecretKey, SecretBoxError, SecretKeyError } from './secret-box.ts'

describe('createSecretBox', () => {
  const box = createSecretBox('k8sMx0d92jd02jd0KK2kd02kd9dj20dk')

  it('opens what it sealed, and never seals twice the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const sealed = box.seal(text)
        expect(box.open(sealed)).toBe(Buffer.from(text).toString())
        expect(box.seal(text)).not.toBe(sealed)
      }),
    )
  })

  it('refuses what was changed, cut, or sealed with another key', () => {
    const sealed = box.seal('a secret')
    const flipped = sealed.slice(0, -1) + (sealed.endsWith('A') ? 'B' : 'A')
    for (const wrong of [flipped, sealed.slice(0, 20), 'plain', '', createSecretBox('another').seal('x')]) {
      expect(() => box.open(wrong)).toThrow(SecretBoxError)
    }
  })
})

describe('loadSecretKey', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-key-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('generates a key that only the owner can read, and keeps it', () => {
    const key = loadSecretKey(undefined, folder)
    expect(key.length).toBeGreaterThanOrEqual(43)
    expect(statSync(join(folder, 'secret.key')).mode & 0o777).toBe(0o600)
    expect(loadSecretKey(undefined, folder)).toBe(key)
    expect(readFileSync(join(folder, 'secret.key'), 'utf8').trim()).toBe(key)
  })

  it('says what to do when there is no way to make or read the file', () => {
    const none = join(folder, 'no-such-folder')
    expect(() => loadSecretKey(undefined, none)).toThrow(/set SECRET_KEY/)
    mkdirSync(join(folder, 'secret.key'))
    expect(() => loadSecretKey(undefined, folder)).toThrow(SecretKeyError)
  })

  it('does not replace a broken key file', () => {
    writeFileSync(join(folder, 'secret.key'), '')
    expect(() => loadSecretKey(undefined, folder)).toThrow(/holds no key/)
  })
})

describe('isSampleSecret', () => {
  it.each([
    'changeme',
    'ChangeMe123!',
    'admin',
    'password1',
    'change-this',
    'aaaaaaaaaa',
    '1234567890',
    '<your-key>',
  ])('knows %s', (sample) => expect(isSampleSecret(sample)).toBe(true))
  it.each(['correct horse battery', 'passage-of-time', 'adminFe82jd'])('lets %s pass', (own) =>
    expect(isSampleSecret(own)).toBe(false),
  )
})
