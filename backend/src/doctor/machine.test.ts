import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { findings, withFolder, wrong } from '../../test/doctor.ts'
import { loadConfig } from '../core/config/config.ts'
import { createSecretBox } from '../core/crypto/secret-box.ts'
import { type EndpointProbe, LOCAL_ENDPOINT, probeEndpoints } from '../fleet/index.ts'
import { clockChecks } from './checks/clocks.check.ts'
import { configCheck } from './checks/config.check.ts'
import { diskCheck } from './checks/disk.check.ts'
import { dockerCheck } from './checks/docker.check.ts'
import { filesCheck, placeCheck } from './checks/files.check.ts'
import { readConfiguration } from './configuration.ts'
import { daysUntilFull } from './growth.ts'

const LOOK = `
  Promise.all([import('./src/doctor/checks/files.check.ts'), import('./src/core/config/config.ts')])
    .then(async ([{ filesCheck }, { loadConfig }]) =>
      console.log(JSON.stringify(await filesCheck.run({ env: {}, config: loadConfig(process.env) }))))
`

describe('the variables', () => {
  const look = (env: Record<string, string>) => {
    const { config, problems } = readConfiguration(env)
    return findings([configCheck], { env, config, configProblems: problems })
  }

  it('are all looked at, and no value is repeated', async () => {
    const found = await look({
      PORT: 'eighty',
      SECRET_KEY: 'changeme-changeme-changeme-changeme',
      POSTGRES_APP_URL: 'postgresql://u:password1@h/d',
      STORAGE_PLACEMENT: 'postgres',
      LOG_LEVL: 'info',
      POSTGRES_APP_POOL: '3',
      PORT_FILE: '/x',
      JWT_SECRET: 'of-the-older-dashboard',
      HOST: '0.0.0.0',
      HOME: '/home/somebody',
      LANG: 'C',
    })
    expect(found.map(({ id, subject }) => [id, subject])).toEqual([
      ['config.problem', 'PORT'],
      ['config.problem', 'POSTGRES_APP_URL'],
      ['config.problem', 'SECRET_KEY'],
      ['config.no-file', 'PORT_FILE'],
      ['config.unknown', 'LOG_LEVL'],
      ['config.unknown', 'POSTGRES_APP_POOL'],
      ['config.older', 'JWT_SECRET'],
      ['config.plain-http', null],
    ])
    expect(found.find(({ subject }) => subject === 'LOG_LEVL')?.fix).toBe('Is LOG_LEVEL meant?')
    expect(JSON.stringify(found)).not.toMatch(/eighty|changeme|password1|older-dashboard/)
  })

  it('that are valid are enough for everything else, whatever the others are', () => {
    const { config, problems } = readConfiguration({
      DATA_DIR: '/srv/holdfast',
      PORT: 'eighty',
      SECRET_KEY: 'short',
      POSTGRES_APP_URL: 'mysql://h/d',
      STORAGE_PLACEMENT_AUDIT: 'postgres',
    })
    expect(problems).toHaveLength(3)
    expect(config).toMatchObject({ dataDir: '/srv/holdfast', port: 3051, postgresAppUrl: undefined })
  })

  it('are fine when they are', async () => {
    expect((await look({ PORT: '3051', PATH: '/bin' })).map(({ id }) => id)).toEqual(['config.valid'])
  })

  it('that .env.example has are known, those of compose too', async () => {
    const example = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8')
    const names = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name = '']) => name)
    const found = await look(Object.fromEntries(names.map((name) => [name, 'x'])))
    expect(found.filter(({ id }) => id === 'config.unknown')).toEqual([])
  })
})

describe('files', () => {
  const look = (folder: string, env: Record<string, string> = {}) =>
    findings([filesCheck], { env, config: loadConfig({ DATA_DIR: folder }) })

  it('of a folder that is private are fine', () =>
    withFolder(async (folder) => {
      writeFileSync(join(folder, 'secret.key'), 'k', { mode: 0o600 })
      const found = await look(folder)
      expect(wrong(found)).toEqual([])
      expect(found.map(({ id }) => id)).toContain('files.private')
    }))

  it('that others can read or change are named with the command that ends it', () =>
    withFolder(async (folder) => {
      writeFileSync(join(folder, 'secret.key'), 'k')
      chmodSync(join(folder, 'secret.key'), 0o644)
      writeFileSync(join(folder, 'token'), 'k')
      chmodSync(join(folder, 'token'), 0o640)
      chmodSync(folder, 0o755)
      const found = await look(folder, { METRICS_TOKEN_FILE: join(folder, 'token') })
      expect(wrong(found)).toEqual(['error files.key-readable', 'warning files.readable-by-others'])
      expect(found.filter(({ id }) => id === 'files.key-readable').map(({ command }) => command)).toEqual([
        `chmod 600 ${folder}/secret.key`,
        `chmod 600 ${folder}/token`,
      ])
      chmodSync(folder, 0o777)
      expect(wrong(await look(folder))).toContain('error files.writable-by-others')
    }))

  it('that cannot be written are found', () =>
    withFolder(async (folder) => {
      chmodSync(folder, 0o755)
      const inside = join(folder, 'data')
      mkdirSync(inside, { mode: 0o555 })
      // The superuser may write anywhere: somebody else has to look.
      const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
      const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', '--eval', LOOK], {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        env: { PATH: process.env.PATH, DATA_DIR: inside, TMPDIR: tmpdir() },
        ...nobody,
      })
      expect(JSON.parse(stdout)).toContainEqual(
        expect.objectContaining({
          id: 'files.not-writable',
          severity: 'error',
          command: expect.stringContaining(`chmod u+rwx ${inside}`),
        }),
      )
    }))

  it('on file systems that do not last are told', async () => {
    const found = await findings([placeCheck], { config: loadConfig({ DATA_DIR: '/dev/shm' }) })
    expect(wrong(found)).toEqual(['warning files.passing'])
    expect(found[0]?.seen).toContain('tmpfs')
  })
})

describe('the disk', () => {
  it('without room is an error', async () => {
    expect(wrong(await findings([diskCheck], { config: loadConfig({ DATA_DIR: '/proc' }) }))).toEqual([
      'error disk.full',
    ])
  })

  it('is forecast to be full when tables grow on, and not when their retention comes first', () => {
    const table = (bytesPerDay: number, daysLeft: number | null) => ({ table: 't', bytesPerDay, daysLeft })
    expect(daysUntilFull([table(10, null)], 95)).toBe(10)
    expect(daysUntilFull([table(10, 5)], 95)).toBeUndefined()
    expect(daysUntilFull([table(10, 5), table(5, null)], 95)).toBe(10)
  })
})

describe('clocks', () => {
  const probe = (aheadMs: number, roundTripMs: number): EndpointProbe => ({
    name: 'one',
    kind: 'docker',
    enabled: true,
    url: 'unix:///x',
    engine: undefined,
    portainer: undefined,
    clock: { aheadMs, roundTripMs },
    problem: undefined,
    refused: [],
  })
  const look = (clock: EndpointProbe, env: Record<string, string> = {}) =>
    findings(clockChecks, { env, endpoints: async () => [clock] })

  it('that differ are told by how much, and how certain that is', async () => {
    expect(wrong(await look(probe(-1_500, 10)))).toEqual([])
    expect(wrong(await look(probe(-5_000, 10)))).toEqual(['warning clocks.engine'])
    const far = await look(probe(3_600_000, 10))
    expect(far.find(({ id }) => id === 'clocks.engine')).toMatchObject({
      severity: 'error',
      title: 'The clock is off by 60 min',
      seen: '3600000 ms ahead of this machine, give or take 5 ms',
    })
    expect(wrong(await look(probe(5_000, 8_000)))).toEqual([])
  })

  it('are in a zone that exists', async () => {
    expect(wrong(await look(probe(0, 1), { TZ: 'Europe/Nowhere' }))).toEqual(['warning clocks.zone'])
    expect(wrong(await look(probe(0, 1), { TZ: 'Europe/Zurich' }))).toEqual([])
  })
})

describe('endpoints', () => {
  const stops: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop()
  })

  /** An engine that answers what it is told to, and refuses the rest as a proxy of the socket does. */
  async function engine(answers: Readonly<Record<string, unknown>>): Promise<string> {
    const server = createServer((request, response) => {
      const path = (request.url ?? '').replace(/^\/v[\d.]+/, '').split('?')[0] ?? ''
      const answer = answers[path]
      response.writeHead(answer === undefined ? 403 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer ?? { message: 'Forbidden' }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stops.push(() => new Promise((resolve) => server.close(resolve)))
    return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  const look = async (dockerHost: string | undefined) => {
    const row = {
      ...LOCAL_ENDPOINT,
      id: 1,
      name: 'here',
    }
    const endpoints = () =>
      probeEndpoints(
        [row],
        { box: createSecretBox('x'), localEngine: { dockerHost, dockerSocket: undefined } },
        AbortSignal.timeout(5_000),
      )
    return findings([dockerCheck, ...clockChecks], { endpoints })
  }

  it('that cannot be reached say why and what to do', () =>
    withFolder(async (folder) => {
      const found = await look(`unix://${folder}/docker.sock`)
      expect(wrong(found)).toEqual(['error docker.unreachable'])
      expect(found.find(({ id }) => id === 'docker.unreachable')).toMatchObject({
        subject: 'here',
        seen: expect.stringContaining('docker.sock'),
        fix: expect.any(String),
      })
    }))

  it('whose proxy forbids a list, and whose clock is wrong, are found', async () => {
    const url = await engine({
      '/version': { Version: '20.10.1', ApiVersion: '1.41', MinAPIVersion: '1.12' },
      '/info': {
        ID: 'x',
        Name: 'n',
        OSType: 'linux',
        SystemTime: new Date(Date.now() + 600_000).toISOString(),
      },
      '/containers/json': [],
      '/images/json': [],
    })
    const found = await look(url)
    expect(wrong(found)).toEqual(['error clocks.engine', 'error docker.refused'])
    expect(found.find(({ id }) => id === 'docker.refused')?.title).toContain('networks')
  })

  it('that answer are fine', async () => {
    const url = await engine({
      '/version': { Version: '28.0.1', ApiVersion: '1.48', MinAPIVersion: '1.24' },
      '/info': { ID: 'x', Name: 'n', OSType: 'linux', SystemTime: new Date().toISOString() },
      '/containers/json': [],
      '/images/json': [],
      '/networks': [],
    })
    const found = await look(url)
    expect(wrong(found)).toEqual([])
    expect(found.map(({ id }) => id)).toEqual(expect.arrayContaining(['docker.engine', 'clocks.engine']))
  })
})
