import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'
import { createSecretBox } from '../core/crypto/secret-box.ts'
import {
  accessSettings,
  createSettingsService,
  createSettingsStore,
  retentionSettings,
  type SettingChange,
  type SettingsService,
} from './index.ts'
import type { SettingDefinition } from './settings.registry.ts'

const own: SettingDefinition[] = [
  { key: 'x.key', type: 'secret', group: 'x', label: 'Key', help: '', default: null, maxLength: 100 },
  { key: 'x.on', type: 'boolean', group: 'x', label: 'On', help: '', default: true },
  {
    key: 'x.list',
    type: 'json',
    group: 'x',
    label: 'List',
    help: '',
    default: [],
    check: (value) => (Array.isArray(value) ? undefined : 'must be a list'),
  },
]

describe.each(plainDatabases)('settings on $name', ({ open }) => {
  let database: TestDatabase
  let settings: SettingsService
  let now = new Date('2026-11-21T00:00:00.000Z')
  beforeAll(async () => {
    database = await open({ migrated: true })
  })
  beforeEach(() => {
    settings = createSettingsService({
      store: createSettingsStore(database.db),
      definitions: [...accessSettings, ...retentionSettings, ...own],
      secretBox: createSecretBox('a key for tests that is long enough'),
      clock: () => now,
    })
  })
  afterEach(() => database.db.execute(`DELETE FROM settings WHERE category IN ('x', 'retention', 'access')`))
  afterAll(() => database.close())

  const one = async (key: string) => (await settings.list()).find((item) => item.key === key)

  it('gives defaults until something is set, and again after null', async () => {
    expect(await settings.number('audit.retention.days')).toBe(365)
    await settings.update({ 'audit.retention.days': 30 })
    expect(await settings.number('audit.retention.days')).toBe(30)
    expect(await one('audit.retention.days')).toMatchObject({
      value: 30,
      default: 365,
      isSet: true,
      updatedAt: now.toISOString(),
    })
    await settings.update({ 'audit.retention.days': null })
    expect(await one('audit.retention.days')).toMatchObject({ value: 365, isSet: false, updatedAt: null })
  })

  it('keeps every type', async () => {
    await settings.update({
      'x.on': false,
      'x.list': [1, { a: 'ü' }, null],
      'general.instance_name': 'Küche 🚢',
    })
    expect(await settings.boolean('x.on')).toBe(false)
    expect(await settings.json('x.list')).toEqual([1, { a: 'ü' }, null])
    expect(await settings.text('general.instance_name')).toBe('Küche 🚢')
    await settings.update({ 'general.instance_name': null })
  })

  it('changes nothing when one value is refused, and names each', async () => {
    const update = settings.update({
      'sessions.idle_hours': 5,
      'audit.retention.days': 0,
      'x.on': 'yes',
      'x.list': {},
      'no.such': 1,
      'login.max_failures': 3.5,
    })
    await expect(update).rejects.toMatchObject({ status: 400 })
    const error = await update.catch((thrown: { extra: { issues: { path: string }[] } }) => thrown)
    expect('extra' in error && error.extra.issues.map((issue) => issue.path)).toEqual([
      'values.audit.retention.days',
      'values.x.on',
      'values.x.list',
      'values.no.such',
      'values.login.max_failures',
    ])
    expect(await settings.number('sessions.idle_hours')).toBe(168)
  })

  it('seals secrets and never shows them', async () => {
    await settings.update({ 'x.key': 'hunter2' })
    expect(await settings.secret('x.key')).toBe('hunter2')
    expect(await one('x.key')).toMatchObject({ value: null, isSet: true })
    expect(JSON.stringify(await database.db.query('SELECT * FROM settings'))).not.toContain('hunter2')
  })

  it('tells what really changed, without secrets', async () => {
    const told: SettingChange[] = []
    settings.onChange((changes) => told.push(...changes))
    await settings.update({ 'x.on': false, 'x.key': 'hunter2', 'audit.retention.days': 365 })
    expect(told).toEqual([
      { key: 'x.on', before: true, after: false },
      { key: 'x.key', before: null, after: '***' },
    ])
    await settings.update({ 'x.on': false })
    expect(told).toHaveLength(2)
  })

  it('takes a stored text that does not fit as not set', async () => {
    for (const [key, value] of [
      ['audit.retention.days', 'many'],
      ['x.on', 'TRUE'],
      ['x.list', '{'],
    ] as const) {
      await database.db.execute(`INSERT INTO settings (key, value, category) VALUES ($1, $2, 'x')`, [
        key,
        value,
      ])
    }
    expect(await settings.number('audit.retention.days')).toBe(365)
    expect(await settings.boolean('x.on')).toBe(true)
    expect(await settings.json('x.list')).toEqual([])
  })

  it('loses no update of writers at the same time', async () => {
    now = new Date('2026-11-22T00:00:00.000Z')
    await Promise.all(
      Array.from({ length: 10 }, (_, day) => settings.update({ 'audit.retention.days': day + 1 })),
    )
    expect(await settings.number('audit.retention.days')).toBeGreaterThanOrEqual(1)
    const rows = await database.db.query(
      `SELECT s.key FROM settings AS s WHERE s.key = 'audit.retention.days'`,
    )
    expect(rows).toHaveLength(1)
  })
})
