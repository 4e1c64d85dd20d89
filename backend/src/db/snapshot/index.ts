export { PgLink } from '../transfer/pg-link.ts'
export { differencesOf, type Fingerprint } from './fingerprint.ts'
export { createPace, type Pace } from './pace.ts'
export {
  createLike,
  databaseExists,
  dropDatabase,
  holdsTables,
  linkToAny,
  listDatabases,
  missingRights,
  onDatabase,
  renameDatabase,
  withLink,
} from './pg-databases.ts'
export { giveAway } from './pg-ownership.ts'
export { openPgSnapshot, type PgFacts, type PgSnapshot } from './pg-snapshot.ts'
export { openSqliteSnapshot, type SqliteSnapshot } from './sqlite-snapshot.ts'
