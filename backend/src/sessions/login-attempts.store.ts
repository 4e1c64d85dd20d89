import type { AppDb } from '../db/app-db.ts'

export function createLoginAttemptsStore(db: AppDb) {
  return {
    /**
     * Counts one attempt under `key`, and locks the key when it is one too many. One statement, so that attempts
     * at the same time cannot slip past the count. A lock that is over, or a count that began before
     * `windowStart`, starts again at one.
     *
     * @returns until when the key is locked; null when the attempt may go on.
     */
    async count(
      key: string,
      limit: { at: string; windowStart: string; most: number; lockedUntil: string },
    ): Promise<string | null> {
      const over = `(a.locked_until IS NULL AND a.first_at <= $3) OR (a.locked_until IS NOT NULL AND a.locked_until <= $2)`
      const row = await db.queryOne<{ locked_until: string | null }>(
        `
        INSERT INTO login_attempts AS a (key, failures, first_at)
        VALUES ($1, 1, $2)
        ON CONFLICT (key) DO UPDATE SET
          failures = CASE WHEN ${over} THEN 1 WHEN a.locked_until IS NULL THEN a.failures + 1 ELSE a.failures END,
          first_at = CASE WHEN ${over} THEN excluded.first_at ELSE a.first_at END,
          locked_until = CASE
            WHEN ${over} THEN NULL
            WHEN a.locked_until IS NULL AND a.failures >= $4 THEN $5
            ELSE a.locked_until
          END
        RETURNING locked_until
        `,
        [key, limit.at, limit.windowStart, limit.most, limit.lockedUntil],
      )
      return row?.locked_until ?? null
    },

    async forget(key: string): Promise<void> {
      await db.execute('DELETE FROM login_attempts WHERE key = $1', [key])
    },

    /** Takes one attempt back: it succeeded. */
    async uncount(key: string): Promise<void> {
      await db.execute(
        'UPDATE login_attempts SET failures = failures - 1 WHERE key = $1 AND failures > 0 AND locked_until IS NULL',
        [key],
      )
    },

    /** Counts that began before `before` and hold no lock at `at`. */
    async deleteOld(before: string, at: string): Promise<void> {
      await db.execute(
        'DELETE FROM login_attempts WHERE first_at < $1 AND (locked_until IS NULL OR locked_until <= $2)',
        [before, at],
      )
    },
  }
}

export type LoginAttemptsStore = ReturnType<typeof createLoginAttemptsStore>
