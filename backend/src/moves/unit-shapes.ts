import { readTableShapes, SchemaDriftError, type TableShape } from '../db/transfer/index.ts'
import { drifted } from './away.ts'
import type { Sides, Unit } from './unit.ts'

/** The tables of a unit as both live catalogs have them. @throws AppError `move_refused` where they do not match. */
export async function readUnitShapes(unit: Unit, { source, target }: Sides): Promise<TableShape[]> {
  const [sqlite, postgres] = source.name === 'sqlite' ? [source, target] : [target, source]
  try {
    return await readTableShapes(sqlite.store, postgres.store, unit.domains)
  } catch (error) {
    throw error instanceof SchemaDriftError ? drifted(error) : error
  }
}
