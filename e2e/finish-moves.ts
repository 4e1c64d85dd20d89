import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '../backend/src/core/log.ts'
import { openStorage } from '../backend/src/db/app-db-router.ts'
import { keepByProduct } from '../backend/src/metrics/index.ts'
import { allUnits, createMoves, type StorageUnit, settleRoles } from '../backend/src/moves/index.ts'

const OPERATOR = { name: 'operator' }

/**
 * Moves what a halted product has in SQLite, mirrored already or not, into PostgreSQL: as an operator would, but without
 * the calm minute before each cut over.
 */
export async function finishMoves(dataDir: string, postgresUrl: string): Promise<void> {
  const log = createLogger('silent')
  const clock = () => new Date()
  const storage = await openStorage({
    config: {
      dataDir,
      postgresAppUrl: postgresUrl,
      postgresAppMaxConnections: 10,
      storagePlacement: undefined,
      storagePlacements: {},
    },
    log,
    clock,
    settleRoles,
  })
  const moves = createMoves({
    control: storage.control,
    status: () => storage.status(),
    log,
    clock,
    dataDir,
    prepare: { metrics: keepByProduct },
    limits: { calmMs: 0, pauseLimitMs: 5_000, pauseBudgetMs: 5_000 },
  })
  const until = async (unit: string, condition: (state: StorageUnit) => boolean) => {
    while (!condition(await moves.unit(unit))) await sleep(50)
  }
  const may = (action: string) => (state: StorageUnit) =>
    state.actions.some((each) => each.action === action && each.possible)
  try {
    await moves.start()
    for (const { unit, mirror } of await moves.units())
      if (mirror === null) await moves.act(unit, 'mirror', OPERATOR)
    for (const { name } of allUnits) {
      await until(name, may('cutover'))
      await moves.act(name, 'cutover', OPERATOR)
      await until(name, may('verify'))
      const before = (await moves.unit(name)).verify?.at
      await moves.act(name, 'verify', OPERATOR)
      await until(name, ({ verify }) => verify?.running === false && verify.at !== before)
      await until(name, may('finish'))
      await moves.act(name, 'finish', OPERATOR)
    }
    for (const { name } of allUnits) await until(name, ({ archived }) => archived)
  } finally {
    await moves.stop()
    await storage.close()
  }
}
