export { differencesOf, type Fingerprint } from './fingerprint.ts'
export {
  createLike,
  databaseExists,
  dropDatabase,
  linkToAny,
  listDatabases,
  missingRights,
  onDatabase,
  renameDatabase,
  withLink,
} from './pg-databases.ts'
export { openPgSnapshot, type PgFacts, type PgSnapshot } from './pg-snapshot.ts'
export { openSqliteSnapshot, type SqliteSnapshot } from './sqlite-snapshot.ts'
