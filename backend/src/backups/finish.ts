import { AppError } from '../core/errors.ts'
import type { Outcome } from './backups.schema.ts'
import type { BackupPlace } from './engine.ts'
import { exclusively, existing, removeTemporary } from './folder.ts'
import { failureOutcome, writeLast } from './last.ts'
import type { Tell } from './maintenance.ts'
import {
  completeRestore,
  finishRestore,
  type PreparedRestore,
  prepareRestore,
  removeLeftovers,
} from './restore.ts'

/** Completes a restore while the product is stopped, and notes how it ended. Never rejects: the product starts again. @returns whether it was. */
export async function completeAndNote(
  place: BackupPlace,
  prepared: PreparedRestore,
  by: string | null,
  tell: Tell,
): Promise<boolean> {
  const said = { kind: 'restore', name: prepared.name, by } as const
  try {
    const { safety } = await exclusively(place.folder, () =>
      completeRestore(
        place,
        prepared,
        { safety: true },
        { signal: new AbortController().signal, onProgress: tell },
      ),
    )
    place.log.warn({ backup: prepared.name, safety, by }, 'a backup was restored')
    await writeLast(place, { ...said, at: now(place), outcome: 'done', code: null, message: null, safety })
    return true
  } catch (error) {
    place.log.error({ err: error, backup: prepared.name }, 'a restore failed')
    await writeLast(place, { ...said, at: now(place), ...failureOutcome(error), safety: null })
    return false
  }
}

/** Before the stores are opened: ends a restore that a crash has interrupted on its last step. @returns its backup. */
export async function finishAtStart(place: BackupPlace): Promise<string | undefined> {
  const result = await finishRestore(place)
  if (!result) return undefined
  await writeLast(place, {
    kind: 'restore',
    name: result.name,
    by: null,
    at: now(place),
    outcome: 'done',
    code: null,
    message: null,
    safety: result.safety,
  })
  return result.name
}

const now = (place: BackupPlace) => place.clock().toISOString()

/**
 * A whole restore by this process, for an installation whose server is stopped. Resolves to how it ended.
 *
 * @throws AppError `backup_name`, `backup_unknown`: nothing was begun.
 */
export async function restoreHere(
  place: BackupPlace,
  name: string,
  options: { readonly safety: boolean },
): Promise<Outcome> {
  await existing(place.folder, name)
  const said = { kind: 'restore', name, by: 'cli' } as const
  const watch = { signal: new AbortController().signal, onProgress: () => undefined }
  let outcome: Outcome
  try {
    const { safety } = await exclusively(place.folder, async () => {
      await removeTemporary(place.folder)
      await removeLeftovers(place)
      return completeRestore(place, await prepareRestore(place, name, watch), options, watch)
    })
    outcome = { ...said, at: now(place), outcome: 'done', code: null, message: null, safety }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    outcome = { ...said, at: now(place), ...failureOutcome(error), safety: null }
  }
  await writeLast(place, outcome)
  return outcome
}
