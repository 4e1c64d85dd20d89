import type SqliteDatabase from 'better-sqlite3'

const nodeApi = Number(process.versions.napi)

/**
 * The package that opens SQLite files on this Node. Release 13 of better-sqlite3 wants Node-API 10, which Node has from
 * 22.14 on. Release 12 ends the whole process where it was compiled on Node 24.19 or later and garbage is collected
 * while no JavaScript runs.
 */
export const sqliteDriver = nodeApi >= 10 ? 'better-sqlite3-napi' : 'better-sqlite3'

/** @throws Error where the package is not installed. Its native part is loaded with the first database only. */
export async function loadSqlite(): Promise<typeof SqliteDatabase> {
  const { default: Database }: { default: typeof SqliteDatabase } = await import(sqliteDriver)
  return Database
}
