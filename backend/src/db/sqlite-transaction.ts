import type { SqliteLease } from './sqlite-pool.ts'
import type { AtomicControl } from './transaction-scope.ts'

/** On the writer: the lock is taken at the start, not when the first write finds it taken. */
export function transactionControl({ send }: SqliteLease): AtomicControl {
  return {
    begin: () => send({ op: 'run', sql: 'BEGIN IMMEDIATE', params: [] }),
    async commit() {
      try {
        await send({ op: 'run', sql: 'COMMIT', params: [] })
      } catch (error) {
        // A deferred foreign key or a full disk leaves the transaction open.
        await this.rollback()
        throw error
      }
    },
    // Fails where SQLite has rolled back by itself (disk full) or the thread is gone: both are what is wanted.
    rollback: () => send({ op: 'run', sql: 'ROLLBACK', params: [] }).catch(() => undefined),
  }
}

export function savepointControl({ send }: SqliteLease): AtomicControl {
  return {
    begin: () => send({ op: 'run', sql: 'SAVEPOINT nested', params: [] }),
    commit: () => send({ op: 'run', sql: 'RELEASE nested', params: [] }),
    rollback: () => send({ op: 'script', sql: 'ROLLBACK TO nested; RELEASE nested' }).catch(() => undefined),
  }
}

/** On a reader: what is read is the state of the file at the start, whatever is written meanwhile. */
export function snapshotControl({ send }: SqliteLease): AtomicControl {
  return {
    // BEGIN alone would leave the choice of the instant to the first statement.
    begin: () => send({ op: 'script', sql: 'BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1' }),
    commit: () => send({ op: 'run', sql: 'COMMIT', params: [] }),
    rollback: () => send({ op: 'run', sql: 'ROLLBACK', params: [] }).catch(() => undefined), // the thread is gone
  }
}
