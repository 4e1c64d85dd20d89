import { keepByProduct } from '../backend/src/metrics/index.ts'
import { allUnits, type StorageUnit } from '../backend/src/moves/index.ts'
import { createTestMoves, openTestStorage, untilUnit } from '../backend/test/product.ts'

const OPERATOR = { name: 'operator' }

/**
 * Moves what a halted product has in SQLite into PostgreSQL, however far each unit is on its way: as an operator would, but without
 * the calm minute before each cut over.
 */
export async function finishMoves(dataDir: string, postgresUrl: string): Promise<void> {
  const storage = await openTestStorage({ dataDir, postgresUrl })
  const moves = createTestMoves(storage, dataDir, {
    prepare: { metrics: keepByProduct },
    limits: { calmMs: 0, pauseLimitMs: 5_000, pauseBudgetMs: 5_000 },
  })
  const until = (unit: string, condition: (state: StorageUnit) => boolean) =>
    untilUnit(moves, unit, condition)
  const may = (action: string) => (state: StorageUnit) =>
    state.actions.some((each) => each.action === action && each.possible)
  try {
    await moves.start()
    for (const { unit, mirror, archived } of await moves.units())
      if (mirror === null && !archived) await moves.act(unit, 'mirror', OPERATOR)
    for (const { name } of allUnits) {
      const { archived, placement } = await moves.unit(name)
      if (archived) continue
      if (placement === 'sqlite') {
        await until(name, may('cutover'))
        await moves.act(name, 'cutover', OPERATOR)
      }
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
