import { DbError } from './db-errors.ts'

/** What is installed here cannot open a SQLite file. Waiting helps nobody: the message says what does. */
export class MissingDriverError extends DbError {
  constructor(cause: string) {
    super(
      'unavailable',
      `SQLite needs the optional package better-sqlite3, which cannot be loaded (${cause}). ` +
        'Install it with "npm install --include=optional", which compiles it for Node before 22.14 where nothing prebuilt fits ' +
        '(python3, make and a C++ compiler), or take the container image that has it. Without SQLite every domain has to be in ' +
        'PostgreSQL (POSTGRES_APP_URL), and no holdfast.db in DATA_DIR: "holdfast storage archive" puts it away.',
      { engineCode: 'MODULE' },
    )
    this.name = 'MissingDriverError'
  }
}
