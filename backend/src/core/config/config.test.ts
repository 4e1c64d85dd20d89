import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError, loadConfig } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('loadConfig', () => {
  it('has a default for everything', () => {
    const config = loadConfig({})
    expect(config).toMatchObject({
      port: 3051,
      host: '127.0.0.1',
      trustProxy: false,
      sampleIntervalSeconds: 10,
    })
    expect(config.storagePlacement).toBeUndefined()
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('lists every problem at once and repeats no value', () => {
    const problems = problemsOf({
      PORT: 'eighty',
      LOG_LEVEL: 'loud',
      SECRET_KEY: 'changeme-changeme-changeme-changeme',
      POSTGRES_APP_URL: 'mysql://u:hunter2@h/d',
      STORAGE_PLACEMENT_TRACE: 'sqlite',
      ADMIN_USERNAME: 'root',
    })
    expect(problems.map((problem) => problem.split(' ')[0]).sort()).toEqual([
      'ADMIN_USERNAME',
      'LOG_LEVEL',
      'PORT',
      'POSTGRES_APP_URL',
      'SECRET_KEY',
      'STORAGE_PLACEMENT_TRACE',
    ])
    expect(problems.join()).not.toContain('hunter2')
  })

  it('takes the text false as false', () => {
    expect(loadConfig({ TRUST_PROXY: 'false' }).trustProxy).toBe(false)
    expect(loadConfig({ TRUST_PROXY: 'true' }).trustProxy).toBe(1)
    expect(loadConfig({ TRUST_PROXY: '10.0.0.0/8, loopback' }).trustProxy).toEqual(['10.0.0.0/8', 'loopback'])
    expect(problemsOf({ TRUST_PROXY: 'maybe' })).toHaveLength(1)
  })

  it('takes an empty variable as not set', () => {
    expect(loadConfig({ PORT: '', PUBLIC_URL: ' ' })).toMatchObject({ port: 3051, publicUrl: undefined })
  })

  it('reads secrets from files, and refuses both at once', () => {
    const file = join(folder, 'key')
    writeFileSync(file, 'k8sMx0d92jd02jd0KK2kd02kd9dj20dk\n')
    expect(loadConfig({ SECRET_KEY_FILE: file }).secretKey).toBe('k8sMx0d92jd02jd0KK2kd02kd9dj20dk')
    expect(problemsOf({ SECRET_KEY_FILE: file, SECRET_KEY: 'x' })[0]).toContain('both set')
    expect(problemsOf({ METRICS_TOKEN_FILE: join(folder, 'missing') })[0]).toContain('cannot be read')
  })

  it('places domains by their names', () => {
    const config = loadConfig({
      POSTGRES_APP_URL: 'postgresql://u:xk39dk@h/d',
      STORAGE_PLACEMENT_LLM_TRACES: 'postgres',
    })
    expect(config.storagePlacements).toEqual({ 'llm-traces': 'postgres' })
    expect(problemsOf({ STORAGE_PLACEMENT_AUDIT: 'postgres' })[0]).toContain('POSTGRES_APP_URL')
    expect(problemsOf({ STORAGE_PLACEMENT: 'mysql' })).toHaveLength(1)
  })

  it('names a password that is not percent-encoded, beside the other problems', () => {
    const problems = problemsOf({ POSTGRES_APP_URL: 'postgresql://u:50%off@h/d', PORT: 'x' })
    expect(problems).toEqual([expect.stringContaining('PORT'), expect.stringContaining('write it as %25')])
    expect(problemsOf({ POSTGRES_ADMIN_URL: 'postgresql://u:50%25off@h/d%' })).toHaveLength(1)
  })

  it.each(['changeme', 'changeme-dashboard', 'password1', 'secret'])(
    'refuses the sample password %s',
    (sample) => {
      expect(problemsOf({ POSTGRES_APP_URL: `postgresql://u:${sample}@h/d` })).toHaveLength(1)
    },
  )
})
