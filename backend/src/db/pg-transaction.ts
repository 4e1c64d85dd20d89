import { DbError } from './db-errors.ts'
import type { PgConnections, PgLease } from './pg-connection.ts'
import type { AtomicControl } from './transaction-scope.ts'

export function transactionControl(connections: PgConnections, lease: PgLease): AtomicControl {
  return {
    begin: () => connections.send(lease, 'BEGIN'),
    async commit() {
      try {
        const { command } = await connections.send(lease, 'COMMIT')
        // What PostgreSQL answers, without an error, when the transaction had failed.
        if (command === 'ROLLBACK')
          throw new DbError('other', 'The transaction had failed and was rolled back')
      } catch (error) {
        if (!lease.broken) throw error
        throw new DbError(
          'unavailable',
          'The connection was lost during COMMIT: the transaction may have been kept or not',
          { cause: error, outcomeUnknown: true },
        )
      }
    },
    async rollback() {
      if (lease.broken) return
      await connections.send(lease, 'ROLLBACK').catch(() => {
        lease.broken = true // closing the connection rolls back too
      })
    },
  }
}

export function savepointControl(connections: PgConnections, lease: PgLease): AtomicControl {
  return {
    begin: () => connections.send(lease, 'SAVEPOINT nested'),
    commit: () => connections.send(lease, 'RELEASE SAVEPOINT nested'),
    async rollback() {
      if (lease.broken) return
      await connections.script(lease, 'ROLLBACK TO SAVEPOINT nested; RELEASE SAVEPOINT nested').catch(() => {
        lease.broken = true
      })
    },
  }
}

export function snapshotControl(connections: PgConnections, lease: PgLease): AtomicControl {
  return {
    ...transactionControl(connections, lease),
    // BEGIN alone would leave the choice of the instant to the first statement.
    begin: () => connections.script(lease, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1'),
  }
}
