import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { databases, openDatabase, type TestDatabase } from '../../test/databases.ts'
import { findings, storesOf, wrong } from '../../test/doctor.ts'
import { partitionsCheck, timescaleCheck } from './checks/catalog.check.ts'
import { schemaChecks } from './checks/schema.check.ts'

const DAY_MS = 86_400_000
let database: TestDatabase
afterEach(() => database.close())
const look = () => findings([...schemaChecks, timescaleCheck], { stores: storesOf(database) })

describe.each(databases)('the schema on $name', (kind) => {
  beforeEach(async () => {
    database = await kind.open({ migrated: true })
  })

  it('is as the migrations make it', async () => {
    const found = await look()
    expect(found.filter(({ severity }) => severity !== 'ok')).toEqual([])
    expect(found.map(({ id }) => id)).toEqual(expect.arrayContaining(['schema.drift', 'schema.migrations']))
  })

  it('shows every kind of change by hand, each with its cure', async () => {
    await database.store.transaction((tx) =>
      tx.execScript(`
        DROP INDEX idx_audit_created;
        DROP INDEX idx_endpoints_parent;
        ALTER TABLE users DROP COLUMN default_landing_page;
        ALTER TABLE webhooks ADD COLUMN colour TEXT;
        CREATE TABLE notes (id INTEGER PRIMARY KEY);
        CREATE TABLE _own (id INTEGER PRIMARY KEY);
        DROP TABLE image_staleness;
        UPDATE _app_migrations SET chain = 'x' WHERE id = 3;
      `),
    )
    const found = await look()
    expect(wrong(found)).toEqual([
      'error schema.column',
      'error schema.history',
      'error schema.index',
      'error schema.table',
      'warning schema.index',
    ])
    const extra = found
      .filter(({ id }) => id === 'schema.extra')
      .map(({ subject }) => subject?.split(': ')[1])
    expect(new Set(extra)).toEqual(new Set(['notes', 'webhooks']))
    const { command } = found.find(({ id, severity }) => id === 'schema.index' && severity === 'warning')!
    await database.db.execute(command!.replace('CONCURRENTLY ', ''))
    expect(wrong(await look())).not.toContain('warning schema.index')
  })
})

describe('what is there and does not count', () => {
  beforeEach(async () => {
    database = await openDatabase('postgres', { migrated: true })
  })

  it('is found, and gone after its cure', async () => {
    const { db, store } = database
    await store.transaction((tx) =>
      tx.execScript(`
        INSERT INTO webhooks (id, name, url, secret) VALUES ('1', 'a', 'u', 's'), ('2', 'a', 'u', 's');
        ALTER TABLE webhooks ADD CONSTRAINT own_check CHECK (name <> 'b') NOT VALID;
        ALTER TABLE llm_feedback SET UNLOGGED;
        CREATE FUNCTION own() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER own AFTER INSERT ON users FOR EACH STATEMENT EXECUTE FUNCTION own();
        ALTER TABLE users DISABLE TRIGGER own;
        SELECT setval(pg_get_serial_sequence('endpoints', 'id'), 9000000000000000000);
      `),
    )
    await expect(db.execute('CREATE UNIQUE INDEX CONCURRENTLY own_name ON webhooks (name)')).rejects.toThrow(
      'own_name',
    )
    const found = await look()
    expect(wrong(found)).toEqual([
      'error schema.disabled-trigger',
      'error schema.invalid-index',
      'error schema.unlogged',
      'warning schema.not-valid',
      'warning schema.sequence',
    ])
    await db.execute(`DELETE FROM webhooks WHERE id = '2'`)
    for (const { id, command } of found) if (id !== 'schema.extra' && command) await db.execute(command)
    expect(wrong(await look())).toEqual(['warning schema.sequence'])
  })

  it('shows what was changed, as it is and as it should be', async () => {
    await database.store.transaction((tx) =>
      tx.execScript(`
        ALTER TABLE settings ALTER COLUMN category DROP NOT NULL;
        DROP INDEX idx_audit_created;
        CREATE INDEX idx_audit_created ON audit_log (created_at, user_id);
      `),
    )
    const found = await look()
    expect(wrong(found)).toEqual(['error schema.column', 'warning schema.index'])
    expect(found.find(({ id }) => id === 'schema.column')).toMatchObject({
      title: 'A column is changed',
      seen: expect.stringContaining('It should be: category text NOT NULL'),
    })
    const { command } = found.find(({ id }) => id === 'schema.index')!
    await database.store.transaction((tx) => tx.execScript(command!.replace('CONCURRENTLY ', '')))
    expect(wrong(await look())).toEqual(['error schema.column'])
  })

  it('says that nothing was set up yet in few words', async () => {
    await database.close()
    database = await openDatabase('postgres')
    expect(wrong(await look())).toEqual(['warning schema.pending'])
  })
})

describe('partitions', () => {
  beforeEach(async () => {
    database = await openDatabase('postgres', { migrated: true })
  })
  const partitions = (now: Date, running = true) =>
    findings([partitionsCheck], {
      stores: storesOf(database),
      now: () => now,
      status: running ? { stores: [], domains: [] } : undefined,
    })

  it('are missed for now and for tomorrow, and a default one is told of', async () => {
    const { db } = database
    const today = Date.now() - (Date.now() % DAY_MS)
    await db.execute(
      `CREATE TABLE metrics_x PARTITION OF metrics FOR VALUES FROM (${today}) TO (${today + DAY_MS})`,
    )
    const tomorrow = await partitions(new Date(today))
    expect(wrong(tomorrow)).toEqual(['warning catalog.partition-missing'])
    expect(wrong(await partitions(new Date(today + 3 * DAY_MS)))).toEqual(['error catalog.partition-missing'])
    expect(wrong(await partitions(new Date(today + 3 * DAY_MS), false))).toEqual([])
    await db.execute('CREATE TABLE metrics_rest PARTITION OF metrics DEFAULT')
    expect(wrong(await partitions(new Date(today)))).toContain('warning catalog.default-partition')
  })
})

describe('TimescaleDB', () => {
  beforeEach(async () => {
    database = await openDatabase('timescale', { migrated: true })
  })

  it('misses a policy, and tells of a job that is off', async () => {
    const { db } = database
    const job = await db.queryOne<{ id: number }>(
      `SELECT job_id AS id FROM timescaledb_information.jobs
       WHERE hypertable_schema = current_schema() AND proc_name = 'policy_compression' AND hypertable_name = 'metrics'`,
    )
    await db.query('SELECT alter_job($1::INTEGER, scheduled => false)', [job!.id])
    const off = await look()
    expect(wrong(off)).toEqual(['warning catalog.job-off'])
    await db.query(off.find(({ id }) => id === 'catalog.job-off')!.command!)
    expect(wrong(await look())).toEqual([])
    await db.query(
      `INSERT INTO _timescaledb_internal.bgw_job_stat (job_id, last_finish, next_start, last_successful_finish,
         last_run_success, total_runs, total_duration, total_duration_failures, total_successes, total_failures,
         total_crashes, consecutive_failures, consecutive_crashes)
       VALUES ($1::INTEGER, now(), now(), '-infinity', false, 1, '1 s', '1 s', 0, 1, 0, 1, 0)`,
      [job!.id],
    )
    const failed = await look()
    expect(wrong(failed)).toEqual(['warning catalog.job-failed'])
    expect(failed.find(({ id }) => id === 'catalog.job-failed')?.seen).toContain('1 failure')
    await db.query('DELETE FROM _timescaledb_internal.bgw_job_stat')
    await db.query(`SELECT remove_retention_policy('metrics')`)
    expect(wrong(await look())).toEqual(['error catalog.timescale'])
  })
})
