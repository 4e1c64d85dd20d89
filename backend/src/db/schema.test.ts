import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databases, openDatabase, type TestDatabase } from '../../test/databases.ts'
import { domainNames, domains, isOwnTable, units, unitsOf } from './domains.ts'
import { describeSchema, dumpSchema } from './live-schema.ts'
import { readMigrations } from './migration-files.ts'

describe('migration files', () => {
  const sqlite = readMigrations('sqlite')
  const pg = readMigrations('pg')
  const timescale = readMigrations('timescale')

  it('are twins without a gap', () => {
    expect(sqlite.map((file) => file.name)).toEqual(pg.map((file) => file.name))
    expect(pg.map((file) => file.number)).toEqual(pg.map((_, index) => index + 1))
  })

  it('have TimescaleDB extras only beside a twin', () => {
    const twins = pg.map((file) => file.name)
    for (const extra of timescale) expect(twins).toContain(extra.name.replace('timescale/', ''))
  })

  it('begin with what a row is', () => {
    for (const file of [...sqlite, ...pg]) expect(file.sql, file.name).toMatch(/^-- A row .+\n/)
  })
})

describe.each(databases)('live schema on $name', (kind) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await kind.open({ migrated: true })
  })
  afterAll(() => database.close())

  it('is the committed one', async () => {
    await expect(await dumpSchema(database.db)).toMatchFileSnapshot(`./schema.${kind.name}.txt`)
  })

  it('has each table in exactly one domain', async () => {
    const views = kind.name === 'timescale' ? ['metrics_1m', 'metrics_5m', 'metrics_1h', 'metrics_1d'] : []
    const live = (await describeSchema(database.db)).map((table) => table.model.name)
    const claimed = domainNames.flatMap((domain) => Object.keys(domains[domain].tables))
    expect(new Set(claimed).size).toBe(claimed.length)
    expect(new Set(claimed)).toEqual(new Set([...live.filter((name) => !isOwnTable(name)), ...views]))
  })

  it('has the partitions of the registry', async () => {
    const live = (await describeSchema(database.db))
      .filter(({ lines }) => lines.includes('PARTITION BY RANGE (time_ms)'))
      .map(({ model }) => model.name)
    const declared = domainNames.flatMap((domain) =>
      Object.entries(domains[domain].tables).flatMap(([table, spec]) => (spec.partition ? [table] : [])),
    )
    expect(new Set(live)).toEqual(new Set(kind.name === 'postgres' ? declared : []))
  })

  it('has the keys, times and identities of the registry', async () => {
    const live = new Map((await describeSchema(database.db)).map(({ model }) => [model.name, model]))
    for (const domain of domainNames) {
      for (const [table, spec] of Object.entries(domains[domain].tables)) {
        const model = live.get(table)
        if (!model && kind.name === 'timescale') continue // a continuous aggregate
        expect(model?.primaryKey, table).toEqual(spec.key)
        expect(
          model?.columns.filter((column) => column.identity).map((column) => column.name),
          table,
        ).toEqual(spec.identity ? [spec.identity] : [])
        if (spec.time)
          expect(
            model?.columns.map((column) => column.name),
            table,
          ).toContain(spec.time)
      }
      for (const { table, column } of domains[domain].retention ?? []) {
        if (live.has(table)) expect(live.get(table)?.columns.map((each) => each.name)).toContain(column)
      }
    }
  })

  it('ties exactly the domains that the registry ties', async () => {
    const ownerOf = (table: string) =>
      domainNames.find((domain) => Object.hasOwn(domains[domain].tables, table))!
    const ties = (await describeSchema(database.db)).flatMap(({ model }) =>
      model.foreignKeys.map((text) => {
        const [, column, target] = /^\((.*)\) REFERENCES (\w+)/.exec(text)!
        return { table: model.name, column, domain: ownerOf(target!) }
      }),
    )
    const across = ties.filter((tie) => ownerOf(tie.table) !== tie.domain)
    const declared = domainNames.flatMap((domain) => [...(domains[domain].references ?? [])])
    expect(across.map((tie) => JSON.stringify(tie)).sort()).toEqual(
      declared.map((tie) => JSON.stringify(tie)).sort(),
    )
    expect(
      unitsOf(
        domainNames,
        across.map((tie) => [ownerOf(tie.table), tie.domain] as const),
      ),
    ).toEqual(units)
  })
})

describe('twins', () => {
  let sqlite: TestDatabase
  let postgres: TestDatabase
  beforeAll(async () => {
    sqlite = await openDatabase('sqlite', { migrated: true })
    postgres = await openDatabase('postgres', { migrated: true })
  })
  afterAll(() => Promise.all([sqlite.close(), postgres.close()]))

  it('have equal tables, columns, keys, checks and indexes', async () => {
    const models = async (database: TestDatabase) =>
      (await describeSchema(database.db))
        .map((table) => table.model)
        .filter((model) => model.name !== '_app_migrations')
    expect(await models(sqlite)).toEqual(await models(postgres))
  })

  it('seed equal rows', async () => {
    for (const table of ['settings', 'prompt_profiles', 'metric_rollups']) {
      const rows = async ({ db }: TestDatabase) =>
        (await db.query(`SELECT * FROM ${table} ORDER BY 1`)).map(
          ({ created_at: _, updated_at: __, ...row }) => row,
        )
      expect(await rows(sqlite)).toEqual(await rows(postgres))
    }
    const { n } = (await sqlite.db.queryOne<{ n: number }>('SELECT count(*) AS n FROM settings'))!
    expect(n).toBe(24)
  })

  it('seed a prompt of each feature in each profile that has prompts', async () => {
    const prompts = await sqlite.db.query<{ key: string }>(
      `SELECT key FROM settings WHERE key LIKE 'prompts.%.system_prompt'`,
    )
    const features = new Set(prompts.map(({ key }) => key.split('.')[1]))
    const profiles = await sqlite.db.query<{ id: string; prompts_json: object }>(
      'SELECT id, prompts_json FROM prompt_profiles ORDER BY id',
    )
    expect(features.size).toBe(11)
    expect(profiles.map((profile) => [profile.id, new Set(Object.keys(profile.prompts_json))])).toEqual([
      ['default', new Set()],
      ['devops', features],
      ['security-audit', features],
    ])
  })

  it.each([
    ['sqlite', () => sqlite],
    ['postgres', () => postgres],
  ] as const)('take a URL of 9 KB on %s', async (_, database) => {
    const random = Array.from({ length: 9_000 }, (_each, i) => String.fromCharCode(33 + ((i * 7919) % 90)))
    await database().db.execute(
      `INSERT INTO spans (id, trace_id, name, kind, start_time, service_name, url_full, process_executable_name)
       VALUES ($1, 't', 'n', 'client', '2026-01-01T00:00:00.000Z', 's', $2, $2)`,
      ['long', random.join('')],
    )
    const row = await database().db.queryOne<{ url_full: string }>(
      `SELECT url_full FROM spans WHERE id = 'long'`,
    )
    expect(row?.url_full).toBe(random.join(''))
  })
})
