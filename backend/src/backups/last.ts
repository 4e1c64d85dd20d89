import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../core/errors.ts'
import { hasCode } from './backup-error.ts'
import { type Outcome, outcomeSchema } from './backups.schema.ts'
import type { BackupPlace } from './engine.ts'
import { writeWhole } from './folder.ts'

/** How the last operation ended: it outlives the start that a restore ends with. */
const pathOf = ({ folder }: BackupPlace) => join(folder, '.last.json')

export async function readLast(place: BackupPlace): Promise<Outcome | null> {
  try {
    const parsed = outcomeSchema.safeParse(JSON.parse(await readFile(pathOf(place), 'utf8')))
    return parsed.success ? parsed.data : null
  } catch (error) {
    if (hasCode(error, 'ENOENT') || error instanceof SyntaxError) return null
    throw error
  }
}

/** A disk that is full of backups must not make an operation fail that is over. */
export async function writeLast(place: BackupPlace, outcome: Outcome): Promise<void> {
  try {
    await writeWhole(pathOf(place), JSON.stringify(outcome))
  } catch (error) {
    place.log.warn({ err: error }, 'the outcome of an operation on backups cannot be noted')
  }
}

export function failureOutcome(error: unknown): Pick<Outcome, 'outcome' | 'code' | 'message'> {
  const code = error instanceof AppError ? error.code : 'internal_error'
  const message =
    error instanceof AppError ? error.message : 'It failed unexpectedly: see the log of the server'
  return { outcome: code === 'cancelled' ? 'cancelled' : 'failed', code, message }
}
