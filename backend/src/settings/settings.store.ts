import type { AppDb, AppDbSession } from '../db/app-db.ts'
import { forUpdate } from '../db/sql-text.ts'

export interface SettingRow {
  key: string
  /** Text whatever the type; sealed when the setting is a secret. */
  value: string
  category: string
  updated_at: string
}

export interface SettingWrite {
  readonly key: string
  /** null deletes the row, so that the default is in force again. */
  readonly value: string | null
  readonly category: string
}

export function createSettingsStore(db: AppDb) {
  return {
    async get(key: string): Promise<SettingRow | undefined> {
      return db.queryOne<SettingRow>(
        'SELECT s.key, s.value, s.category, s.updated_at FROM settings AS s WHERE s.key = $1',
        [key],
      )
    },

    /** Every stored setting, also those that no code knows (any more); at most 5,000. */
    async all(): Promise<SettingRow[]> {
      return db.query<SettingRow>(
        'SELECT s.key, s.value, s.category, s.updated_at FROM settings AS s ORDER BY s.key LIMIT 5000',
      )
    },

    /**
     * Writes all or nothing.
     *
     * @returns the rows as they were before, in the order of `writes`; undefined where there was none.
     */
    async write(writes: readonly SettingWrite[], at: string): Promise<(SettingRow | undefined)[]> {
      return db.transaction(async (tx) => {
        const before: (SettingRow | undefined)[] = []
        for (const write of writes) {
          before.push(await lockRow(tx, write.key))
          if (write.value === null) await tx.execute('DELETE FROM settings WHERE key = $1', [write.key])
          else {
            await tx.execute(
              `
              INSERT INTO settings (key, value, category, updated_at)
              VALUES ($1, $2, $3, $4)
              ON CONFLICT (key) DO UPDATE
              SET value = excluded.value, category = excluded.category, updated_at = excluded.updated_at
              `,
              [write.key, write.value, write.category, at],
            )
          }
        }
        return before
      })
    },
  }
}

const SELECT_ONE = 'SELECT s.key, s.value, s.category, s.updated_at FROM settings AS s WHERE s.key = $1'

function lockRow(tx: AppDbSession, key: string): Promise<SettingRow | undefined> {
  return tx.queryOne<SettingRow>(forUpdate(SELECT_ONE), [key])
}

export type SettingsStore = ReturnType<typeof createSettingsStore>
