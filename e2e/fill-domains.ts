import { join } from 'node:path'
import { openSqliteStore } from '../backend/src/db/sqlite.ts'

const SPANS = 18_240
const CALLS = 2_412
const NOTICES = 386

const before = (ms: number) => new Date(Date.now() - ms).toISOString()
const upTo = <T>(count: number, row: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => row(i))

/** Puts rows into domains that only imported data fills so far, into the file of a halted product. */
export async function fillDomains(dataDir: string): Promise<void> {
  const { db, close } = await openSqliteStore({ path: join(dataDir, 'holdfast.db') })
  try {
    await db.insertMany(
      'spans',
      [
        'id',
        'trace_id',
        'name',
        'kind',
        'status',
        'start_time',
        'end_time',
        'duration_ms',
        'service_name',
        'created_at',
      ],
      upTo(SPANS, (i) => {
        const start = before((SPANS - i) * 40_000)
        const trace = `trace-${Math.floor(i / 9)}`
        return [
          `span-${i}`,
          trace,
          'GET /api/orders',
          'server',
          'ok',
          start,
          start,
          i % 90,
          'checkout',
          start,
        ]
      }),
    )
    await db.insertMany(
      'llm_traces',
      ['trace_id', 'model', 'total_tokens', 'latency_ms', 'user_query', 'created_at'],
      upTo(CALLS, (i) => [
        `call-${i}`,
        'local',
        900 + i,
        700,
        'Why is it slow?',
        before((CALLS - i) * 600_000),
      ]),
    )
    await db.insertMany(
      'notification_log',
      ['channel', 'event_type', 'title', 'body', 'created_at'],
      upTo(NOTICES, (i) => ['email', 'health', 'unhealthy', 'shop-api-2', before((NOTICES - i) * 3_600_000)]),
    )
  } finally {
    await close()
  }
}
