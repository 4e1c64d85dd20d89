import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../src/core/errors.ts'
import type { StorageControl } from '../src/db/storage-control.ts'
import type { StorageUnit } from '../src/moves/index.ts'
import type { MoveAction } from '../src/moves/moves.schema.ts'
import { faultyControl } from './faults.ts'
import { awaitsCopy, OPERATOR, QUICK } from './move-steps.ts'
import { createTestMoves, openTestStorage, untilUnit } from './product.ts'

// A server process as far as its moves go, with writers that tell what was acknowledged. It is killed in the middle
// of a step, before or after one of the calls that the step makes to a store.

/** What writers write, by unit: one of each phase that moves while people work. */
const WRITES = {
  audit: 'INSERT INTO audit_log (action, created_at) VALUES ($1, $2)',
  settings: `INSERT INTO settings (key, value, category, updated_at) VALUES ('n.' || $1, $1, 'n', $2)`,
  feedback: `
    INSERT INTO llm_feedback (id, feature, rating, user_id, created_at) VALUES ($1, 'chat', 'positive', 'u', $2)
  `,
} as const
const READS = {
  audit: `SELECT action AS n FROM audit_log WHERE action LIKE 'n%' ORDER BY id`,
  settings: `SELECT value AS n FROM settings WHERE category = 'n' ORDER BY key`,
  feedback: 'SELECT id AS n FROM llm_feedback ORDER BY id',
} as const

export type WrittenUnit = keyof typeof WRITES
const units = ['audit', 'settings', 'feedback'] as const satisfies readonly WrittenUnit[]

export interface Order {
  readonly unit: WrittenUnit
  readonly action: MoveAction | 'read'
  /** Which of the moments before and after a call to a store is the last one, from the step's first (a flip: from its pause) on. */
  readonly dieAt?: number
}

export type Answer =
  | { readonly wrote: string; readonly unit: WrittenUnit }
  | { readonly failed: string }
  | { readonly done: StorageUnit; readonly found?: readonly string[] }

async function run(dataDir: string, postgresUrl: string, name: string): Promise<void> {
  const storage = await openTestStorage({
    dataDir,
    postgresUrl,
    config: { storagePlacement: 'sqlite' },
  })
  let left = Number.POSITIVE_INFINITY
  let dieAt: number | undefined
  const moment = () => {
    if (--left === 0) process.kill(process.pid, 'SIGKILL')
  }
  const dying = faultyControl(storage.control, {
    async around(_, work) {
      moment()
      const result = await work()
      moment()
      return result
    },
  })
  const control: StorageControl = new Proxy(dying, {
    get(target, property) {
      if (property !== 'close') return Reflect.get(target, property)
      const close: StorageControl['close'] = (domains, options) => {
        left = dieAt ?? left
        return target.close(domains, options)
      }
      return close
    },
  })
  const moves = createTestMoves(storage, dataDir, {
    control,
    limits: QUICK,
    throttle: { reason: () => null, rest: async () => 0, stop: () => undefined },
  })
  const tell = (answer: Answer) => process.send?.(answer)

  async function write(unit: WrittenUnit): Promise<void> {
    for (let i = 0; ; i++) {
      const wrote = `${name}-${i}`
      try {
        await storage.getAppDbFor(unit).execute(WRITES[unit], [wrote, new Date().toISOString()])
        tell({ wrote, unit })
      } catch (error) {
        tell({ failed: `${unit}: ${String(error)}` })
      }
      await sleep(2)
    }
  }

  /** What a process before this one has done already is not done again. */
  const isDone = (action: Order['action'], { placement, mirror, state, archived }: StorageUnit) =>
    (action === 'mirror' && mirror !== null) ||
    (action === 'cutover' && placement === 'postgres') ||
    (action === 'rollback' && placement === 'sqlite') ||
    (action === 'finish' && (archived || state === 'settled'))

  async function obey({ unit, action, ...order }: Order): Promise<void> {
    if (action === 'read') {
      const rows = await storage.getAppDbFor(unit).query<{ n: string }>(READS[unit])
      tell({ done: await moves.unit(unit), found: rows.map(({ n }) => n) })
      return
    }
    dieAt = order.dieAt
    const before = await untilUnit(
      moves,
      unit,
      ({ state, lag, mirror }) => mirror === null || state === 'copying' || lag !== null,
    )
    if (action === 'cutover' || action === 'rollback')
      await untilUnit(moves, unit, ({ actions }) => !awaitsCopy(actions))
    else left = dieAt ?? left
    if (!isDone(action, before)) await insist(unit, action)
    const after = await untilUnit(
      moves,
      unit,
      ({ state, verify, archived }) =>
        archived || (state === 'mirroring' && verify !== null && !verify.running),
    )
    left = Number.POSITIVE_INFINITY
    tell({ done: after })
  }

  /** Takes the step, and again when it is refused because of what is written meanwhile. */
  async function insist(unit: string, action: MoveAction): Promise<void> {
    for (;;) {
      try {
        await moves.act(unit, action, OPERATOR)
        return
      } catch (error) {
        if (!(error instanceof AppError) || error.status !== 409) throw error
        await sleep(20)
      }
    }
  }

  await moves.start()
  process.on('message', (order: Order) =>
    obey(order).catch((error: unknown) =>
      tell({ failed: `${order.unit} ${order.action}: ${String(error)}` }),
    ),
  )
  for (const unit of units) void write(unit)
}

const [dataDir = '', url = '', name = ''] = process.argv.slice(2)
await run(dataDir, url, name)
