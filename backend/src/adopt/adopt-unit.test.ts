import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type SqliteDatabase from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'
import { createLegacyDatabase, makeEarly, put } from '../../test/legacy-database.ts'
import { addMisfits, misfits } from '../../test/legacy-misfits.ts'
import { fillLegacy, LEGACY_PASSWORD } from '../../test/legacy-rows.ts'
import { units } from '../db/domains.ts'
import { readTableShapes } from '../db/transfer/index.ts'
import { createPasswords, createUsersService, createUsersStore } from '../users/index.ts'
import { adoptUnit } from './adopt-unit.ts'
import { openLegacyFile } from './legacy-file.ts'
import { RejectFile, readRejects } from './reject-file.ts'
import type { TableReport } from './report.ts'
import { tableMaps } from './table-maps.ts'
import { readSchema } from './target-shapes.ts'

const NOW = new Date('2026-11-21T00:00:00.000Z')
/** Rows of the filled file that have a place. */
const ROWS = 45

describe.each(plainDatabases)('adopting into $name', ({ name: engine, open }) => {
  let folder: string
  let legacy: SqliteDatabase.Database
  let target: TestDatabase
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-units-'))
    legacy = createLegacyDatabase(join(folder, 'dashboard.db'))
    target = await open({ migrated: true })
  })
  afterEach(async () => {
    legacy.close()
    await target.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** One run of all units, as the command does them. */
  async function run(options: { dryRun?: boolean; now?: Date } = {}) {
    const work = mkdtempSync(join(folder, 'work-'))
    const file = await openLegacyFile(legacy.name, work)
    const rejects = new RejectFile(join(work, 'rejects'))
    const schema = await readSchema(tableMaps.map((map) => map.table))
    const tables: Record<string, TableReport> = {}
    try {
      for (const unit of units) {
        const maps = tableMaps.filter(
          ({ table }) =>
            file.tables.has(table) && unit.some((domain) => schema.shapes.get(table)?.domain === domain),
        )
        const reports = await adoptUnit({
          file,
          store: target.store,
          placement: engine === 'sqlite' ? 'sqlite' : 'postgres',
          maps,
          schema,
          rejects,
          dryRun: options.dryRun ?? false,
          now: options.now ?? NOW,
        })
        for (const report of reports) tables[report.table] = report
      }
    } finally {
      rejects.close()
      await file.close()
    }
    const quarantine = []
    for await (const reject of readRejects(rejects.path)) quarantine.push(reject)
    return {
      tables,
      quarantine,
      sum: (key: 'adopted' | 'present' | 'kept' | 'quarantined') =>
        Object.values(tables).reduce((sum, table) => sum + table[key], 0),
    }
  }

  const all = <Row = Record<string, unknown>>(sql: string) => target.db.query<Row>(sql)

  it('takes every row of every table as it was meant', async () => {
    fillLegacy(legacy)
    const { tables, quarantine, sum } = await run()
    expect(quarantine).toEqual([])
    expect(Object.keys(tables)).toHaveLength(tableMaps.length)
    for (const report of Object.values(tables)) {
      expect(report, report.table).toMatchObject({ adopted: report.source, present: 0, kept: 0 })
      expect(report.source, report.table).toBeGreaterThan(0)
      expect(report.digest.source).toBe(report.digest.target)
    }
    expect(sum('adopted')).toBe(ROWS)

    expect(
      await all('SELECT id, attributes, trace_source, duration_ms, process_pid, name FROM spans ORDER BY id'),
    ).toEqual([
      {
        id: 'req id/with spaces 🐳',
        attributes: {},
        trace_source: 'http',
        duration_ms: null,
        process_pid: null,
        name: 'n',
      },
      {
        id: 'sp-1',
        attributes: expect.objectContaining({ a: 2, pretty: [1, 2] }),
        trace_source: 'http',
        duration_ms: 2_592_000_000,
        process_pid: 1_099_511_627_776,
        name: 'GET /',
      },
      {
        id: 'sp-2',
        attributes: {},
        trace_source: '',
        duration_ms: null,
        process_pid: null,
        name: 'q \ufffd',
      },
    ])
    expect(await all('SELECT id, status, capture_file, started_at FROM pcap_captures ORDER BY id')).toEqual([
      { id: 'pc-1', status: 'stopped', capture_file: 'pc-1.pcap', started_at: null },
      { id: 'pc-2', status: 'succeeded', capture_file: null, started_at: '2026-02-14T15:25:02.510Z' },
    ])
    expect(await all("SELECT id, payload FROM webhook_deliveries WHERE id = 'd-1'")).toEqual([
      { id: 'd-1', payload: '{"b":1, "a":2}' },
    ])
    expect(await all('SELECT name, args, env, enabled, disabled_tools FROM mcp_servers')).toEqual([
      { name: 'one', args: ['a', 'b'], env: {}, enabled: true, disabled_tools: ['x'] },
    ])
    expect(await all('SELECT id, details, created_at FROM audit_log ORDER BY id')).toEqual([
      { id: 3, details: { note: '\u0001 control' }, created_at: '2026-02-14T15:54:00.000Z' },
      { id: 4, details: {}, created_at: '2026-02-14T15:54:00.000Z' },
      { id: 5, details: {}, created_at: '2026-02-14T15:54:00.000Z' },
      { id: 6, details: {}, created_at: '2026-02-14T15:54:00.000Z' },
      { id: 2_147_483_650, details: {}, created_at: '2026-02-14T15:54:00.000Z' },
    ])
    expect(await all('SELECT id, created_at, length(description) AS size FROM insights ORDER BY id')).toEqual(
      [
        { id: 'i-1', created_at: '2024-02-29T23:59:59.000Z', size: 200_000 },
        { id: 'i-2', created_at: expect.any(String), size: 1 },
      ],
    )
    // The next number is above every adopted one.
    await target.db.execute(`INSERT INTO audit_log (action) VALUES ('later')`)
    expect(await all(`SELECT id FROM audit_log WHERE action = 'later'`)).toEqual([{ id: 2_147_483_651 }])
  })

  it('lets adopted users sign in with their passwords', async () => {
    fillLegacy(legacy)
    const { tables } = await run()
    const users = createUsersService({
      store: createUsersStore(target.db),
      passwords: createPasswords(),
      clock: () => NOW,
      endSessions: async () => undefined,
    })
    expect(await users.verify('admin', LEGACY_PASSWORD)).toMatchObject({
      id: 'u-Admin',
      role: 'admin',
      defaultLandingPage: '/containers',
    })
    expect(await users.verify('viewer', LEGACY_PASSWORD)).toMatchObject({ id: 'u-viewer' })
    expect(await users.verify('josé', LEGACY_PASSWORD)).toBeUndefined()
    expect(Object.values(tables.users?.changes ?? {})).toEqual([2, 1])
  })

  it('gives a name to the user who has it exactly, whoever comes first', async () => {
    for (const username of ['ADA', 'ada', 'Ada'])
      put(legacy, 'users', { id: username, username, password_hash: 'x' })
    const { tables, quarantine } = await run()
    expect(await all('SELECT id, username FROM users')).toEqual([{ id: 'ada', username: 'ada' }])
    expect(tables.users).toMatchObject({ source: 3, adopted: 1, quarantined: 2 })
    expect(quarantine[0]?.suggestion).toContain('under another name')
  })

  it('puts what does not fit aside, whole and with its reason', async () => {
    fillLegacy(legacy)
    addMisfits(legacy)
    const { tables, quarantine, sum } = await run()
    expect(sum('adopted')).toBe(ROWS)
    expect(sum('quarantined')).toBe(misfits.length + 1)
    for (const report of Object.values(tables)) {
      expect(report.source, report.table).toBe(
        report.adopted + report.present + report.kept + report.quarantined,
      )
    }
    const found = quarantine.map(({ table, key, reason }) => [table, JSON.parse(key)[0] ?? '', reason])
    const expected = misfits.map(({ table, id, reason }) => [table, id, reason])
    const order = (rows: unknown[][]) => rows.map((row) => row.join(' ')).sort((a, b) => (a < b ? -1 : 1))
    expect(order(found)).toEqual(order([...expected, ['spans', 'sp-utf8', 'utf8']]))
    const byId = (id: string) => quarantine.find(({ key }) => JSON.parse(key)[0] === id)
    expect(byId('sp-utf8')?.row.name).toEqual({ class: 'text', text: '61ff62', hex: true })
    expect(byId('sp-nul')).toMatchObject({ column: 'name', row: { name: { text: '610062', hex: true } } })
    expect(byId('sp-range')?.row.server_port).toEqual({ class: 'integer', text: '70000000000' })
    expect(quarantine.every(({ suggestion }) => suggestion.length > 10)).toBe(true)
    expect(new Set(quarantine.map(({ table, key }) => table + key)).size).toBe(quarantine.length)
  })

  it('adopts nothing twice', async () => {
    fillLegacy(legacy)
    addMisfits(legacy)
    const first = await run()
    const again = await run({ now: new Date(NOW.getTime() + 86_400_000) })
    expect(again.sum('adopted')).toBe(0)
    expect(again.sum('kept')).toBe(0)
    expect(again.sum('present')).toBe(ROWS)
    expect(again.quarantine).toEqual(first.quarantine)
    for (const [table, { digest }] of Object.entries(again.tables)) {
      expect(digest, table).toEqual(first.tables[table]?.digest)
    }
  })

  it('takes what is new in the file, and keeps what the installation has changed', async () => {
    fillLegacy(legacy)
    await run()
    await target.db.execute(`UPDATE webhooks SET enabled = TRUE, name = 'renamed'`)
    await target.db.execute(`DELETE FROM llm_feedback`)
    // The second is like three that are there already, and a record of its own all the same.
    for (const at of ['2026-02-15 00:00:00', '2026-02-14 15:54:00']) {
      put(legacy, 'audit_log', { action: 'login', created_at: at })
    }
    const again = await run()
    expect(again.tables.webhooks).toMatchObject({
      adopted: 0,
      kept: 1,
      keptRows: [{ key: '["w-1"]', columns: ['name', 'enabled'] }],
    })
    expect(again.tables.audit_log).toMatchObject({ adopted: 2, present: 5 })
    expect(again.tables.llm_feedback).toMatchObject({ adopted: 1 })
    expect(await all('SELECT name FROM webhooks')).toEqual([{ name: 'renamed' }])
  })

  it('keeps rows whose number is taken, under another number', async () => {
    fillLegacy(legacy)
    for (const id of [1, 3, 4]) {
      await target.db.execute(
        `INSERT INTO audit_log (id, action, created_at) VALUES ($1, 'own', '2026-11-20T00:00:00.000Z')`,
        [id],
      )
    }
    const first = await run()
    expect(first.tables.audit_log).toMatchObject({ source: 5, adopted: 5 })
    expect(await all('SELECT id, action FROM audit_log ORDER BY id')).toEqual([
      { id: 1, action: 'own' },
      { id: 3, action: 'own' },
      { id: 4, action: 'own' },
      { id: 5, action: 'login' },
      { id: 6, action: 'login' },
      { id: 2_147_483_650, action: 'logout' },
      { id: 2_147_483_651, action: 'user.create' },
      { id: 2_147_483_652, action: 'login' },
    ])
    expect((await run()).tables.audit_log).toMatchObject({ adopted: 0, present: 5 })
  })

  it('prefers the values of the file to seeds, and those of the installation to the file', async () => {
    fillLegacy(legacy)
    await target.db.execute(
      `UPDATE settings SET value = 'mine', updated_at = '2999-01-01T00:00:00.000Z' WHERE key = 'oidc.enabled'`,
    )
    await target.db.execute(
      `UPDATE settings SET updated_at = '2999-01-01T00:00:00.000Z' WHERE key = 'oidc.scopes'`,
    )
    const { tables } = await run()
    const settings = new Map(
      (await all<{ key: string; value: string }>('SELECT key, value FROM settings')).map((row) => [
        row.key,
        row.value,
      ]),
    )
    expect(settings.get('oidc.enabled')).toBe('mine')
    expect(settings.get('prompts.active_profile')).toBe('devops')
    expect(settings.get('prompts.log_analyzer.system_prompt')).toBe('short')
    expect(settings.get('custom.json')).toBe('{"a":9007199254740993,"b": [1.50]}')
    // Deleted there: not revived by the seeds of this version, unless somebody has set it here since.
    expect(settings.has('prompts.chat_assistant.system_prompt')).toBe(false)
    expect(settings.get('oidc.scopes')).toBe('openid profile email')
    expect(tables.settings).toMatchObject({ adopted: 6, kept: 1, keptRows: [{ key: '["oidc.enabled"]' }] })
    expect(tables.settings?.removedSeeds).toHaveLength(20)
    const profiles = await all<{ id: string }>('SELECT id, prompts_json FROM prompt_profiles ORDER BY id')
    expect(profiles).toEqual([
      { id: 'default', prompts_json: {} },
      { id: 'devops', prompts_json: { chat_assistant: { systemPrompt: 'ü' } } },
      { id: 'p-1', prompts_json: { a: 2 } },
    ])
    expect(tables.prompt_profiles?.removedSeeds).toEqual(['security-audit'])
  })

  it('fires no burst of overdue retries', async () => {
    fillLegacy(legacy)
    const { tables } = await run()
    expect(
      await all(`SELECT id, next_retry_at FROM webhook_deliveries WHERE status = 'retrying' ORDER BY id`),
    ).toEqual([
      { id: 'd-2', next_retry_at: '2026-11-21T00:05:00.000Z' },
      { id: 'd-3', next_retry_at: '2026-11-21T00:05:30.000Z' },
      { id: 'd-4', next_retry_at: '2999-01-01T00:00:00.000Z' },
    ])
    expect(Object.values(tables.webhook_deliveries?.changes ?? {})).toEqual([2])
  })

  it('reads early versions: former names, fewer tables and columns', async () => {
    fillLegacy(legacy)
    makeEarly(legacy)
    const { tables, quarantine } = await run()
    expect(quarantine).toEqual([])
    expect(tables.mcp_servers).toBeUndefined()
    expect(await all('SELECT DISTINCT default_landing_page FROM users')).toEqual([
      { default_landing_page: '/' },
    ])
    expect(await all('SELECT DISTINCT trace_source FROM spans')).toEqual([{ trace_source: 'http' }])
    // That version put no prompts in: their absence says nothing.
    expect(tables.settings?.removedSeeds.some((key) => key.startsWith('prompts.'))).toBe(false)
    expect(tables.settings?.removedSeeds).toContain('oidc.scopes')
    expect(tables.settings?.removedSeeds).not.toContain('oidc.groups_claim')
  })

  it('leaves nothing of a trial', async () => {
    fillLegacy(legacy)
    const before = await all('SELECT key, value, updated_at FROM settings ORDER BY key')
    const { sum } = await run({ dryRun: true })
    expect(sum('adopted')).toBe(ROWS)
    for (const { table } of tableMaps.filter(
      ({ table }) => !['settings', 'prompt_profiles'].includes(table),
    )) {
      expect(await all(`SELECT 1 AS found FROM ${table} LIMIT 1`), table).toEqual([])
    }
    expect(await all('SELECT key, value, updated_at FROM settings ORDER BY key')).toEqual(before)
  })

  it('takes many rows, and finds the few among them that do not fit', async () => {
    const insert = legacy.prepare(
      `INSERT INTO spans (id, trace_id, name, kind, start_time, service_name) VALUES (?, 't', 'n', ?, '2026-02-07 16:01:45', 's')`,
    )
    legacy.pragma('ignore_check_constraints = ON')
    for (let i = 0; i < 3000; i++) insert.run(`s-${i}`, i % 701 === 0 ? 'producer' : 'server')
    const { tables } = await run()
    expect(tables.spans).toMatchObject({ source: 3000, adopted: 2995, quarantined: 5 })
  })
})

it('knows the columns that both engines have', async () => {
  const [sqlite, postgres] = await Promise.all(plainDatabases.map((kind) => kind.open({ migrated: true })))
  try {
    const names = tableMaps.map((map) => map.table)
    const { shapes } = await readSchema(names)
    const domains = [...new Set([...shapes.values()].map((shape) => shape.domain))]
    const live = await readTableShapes(sqlite!.store, postgres!.store, domains)
    for (const table of names) {
      const { columns, key, parents, identity } = live.find((shape) => shape.table === table)!
      const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
      const shape = shapes.get(table)!
      expect([...shape.columns].sort(byName), table).toEqual([...columns].sort(byName))
      expect({ key: shape.key, identity: shape.identity, parents: shape.parents }, table).toEqual({
        key,
        identity,
        parents,
      })
    }
  } finally {
    await Promise.all([sqlite!.close(), postgres!.close()])
  }
})
