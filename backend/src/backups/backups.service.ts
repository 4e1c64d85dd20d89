import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AppError } from '../core/errors.ts'
import type { AppDb } from '../db/app-db.ts'
import type { Domain } from '../db/domains.ts'
import { createPace } from '../db/snapshot/index.ts'
import { Archive } from './archive.ts'
import { backupError, isBackupError } from './backup-error.ts'
import type { BackupDetail, BackupList, BackupLoss, Operation, Outcome } from './backups.schema.ts'
import { nextRun } from './backups.settings.ts'
import { dropSetAside, noteProof, openNamed, readCatalog, readDetail, readSetAside } from './catalog.ts'
import { createBackup, translated } from './create.ts'
import { type BackupPlace, type Watch, WORKING_SHARE } from './engine.ts'
import {
  assertRoom,
  exclusively,
  existing,
  makeFolder,
  pathOf,
  publish,
  removeBackup,
  removeTemporary,
  temporaryPath,
} from './folder.ts'
import { failureOutcome, readLast, writeLast } from './last.ts'
import { countLoss } from './loss.ts'
import { openBackup } from './manifest.ts'
import { type PreparedRestore, prepareRestore, removeLeftovers } from './restore.ts'
import { outdated } from './retention.ts'
import { assertRestorable, proveBackup } from './unpack.ts'

/** What the service asks of the settings. */
export interface BackupSettings {
  number(key: string): Promise<number>
  boolean(key: string): Promise<boolean>
  text(key: string): Promise<string>
}

export interface BackupsServiceDeps {
  readonly place: BackupPlace
  readonly settings: BackupSettings
  readonly getAppDbFor: (domain: Domain) => AppDb
  /** Whether the server is asked for something at present; undefined in a process that answers nobody. */
  readonly isAsked?: (() => boolean) | undefined
  /** Stops the product, completes a restore and starts it again; undefined where nobody can. */
  readonly completeRestore?: ((prepared: PreparedRestore, by: string | null) => void) | undefined
}

type Reason = 'manual' | 'scheduled'

export interface BackupsService {
  listBackups(): Promise<BackupList>
  getBackup(name: string): Promise<BackupDetail>
  /** Where a backup is. @throws AppError `backup_name`, `backup_unknown`. */
  getBackupPath(name: string): Promise<string>
  /** Begins to make a backup and to prove it. @throws AppError `operation_running`. */
  createBackup(by: string | null, reason?: Reason): Operation
  prove(name: string, by: string | null): Promise<Operation>
  deleteBackup(name: string): Promise<void>
  /** Takes a backup from elsewhere. @throws AppError when it is none, is damaged, or is there already. */
  upload(name: string, source: Readable): Promise<BackupDetail>
  /** What going back would lose, and what keeps it from being done. */
  loss(name: string): Promise<BackupLoss>
  /** Begins to restore. @param confirm the name once more. */
  restoreBackup(name: string, confirm: string, by: string | null): Promise<Operation>
  /** @throws AppError `nothing_running`. */
  cancel(): void
  dropSetAside(name: string): Promise<void>
  /** Makes a backup when the schedule says so; otherwise proves one that was not. */
  tick(): Promise<void>
  /** Removes what operations that were killed have left. */
  start(): void
  /** Resolves when the operation that runs has ended, for whoever waits for it. */
  settled(): Promise<void>
  stop(): Promise<void>
}

/** Beyond it an upload is refused, whatever the disk. */
const MOST_UPLOAD_BYTES = 256 * 2 ** 30
const RESERVE_BYTES = 256 * 2 ** 20
const DAY_MS = 86_400_000
const NEVER = '1970-01-01T00:00:00.000Z'

export function createBackupsService(deps: BackupsServiceDeps): BackupsService {
  return new Backups(deps)
}

class Backups implements BackupsService {
  readonly #deps: BackupsServiceDeps
  readonly #place: BackupPlace
  #operation: Operation | null = null
  #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()
  /** A restore was handed over: the product is about to stop. */
  #leaving = false
  #attemptedAt = NEVER

  constructor(deps: BackupsServiceDeps) {
    this.#deps = deps
    this.#place = deps.place
  }

  async listBackups(): Promise<BackupList> {
    const { settings } = this.#deps
    const enabled = await settings.boolean('backups.enabled')
    const schedule = enabled ? await settings.text('backups.schedule') : null
    const timeZone = await settings.text('backups.time_zone')
    const next = schedule === null ? null : nextRun(schedule, timeZone, this.#place.clock())
    return {
      ...(await readCatalog(this.#place)),
      setAside: await readSetAside(this.#place),
      operation: this.#operation,
      last: await readLast(this.#place),
      encrypts: this.#place.secret !== undefined,
      nextAt: next?.toISOString() ?? null,
      schedule,
      timeZone,
    }
  }

  getBackup(name: string): Promise<BackupDetail> {
    return readDetail(this.#place, name)
  }

  getBackupPath(name: string): Promise<string> {
    return existing(this.#place.folder, name)
  }

  createBackup(by: string | null, reason: Reason = 'manual'): Operation {
    return this.#begin('create', null, by, async (watch) => {
      const name = await createBackup(this.#place, reason, watch)
      await this.#proveNow(name, watch)
      await this.#prune()
      return name
    })
  }

  async prove(name: string, by: string | null): Promise<Operation> {
    await existing(this.#place.folder, name)
    return this.#begin('prove', name, by, async (watch) => {
      await this.#proveNow(name, watch)
      return name
    })
  }

  async deleteBackup(name: string): Promise<void> {
    if (this.#operation?.name === name) throw busy()
    await removeBackup(this.#place.folder, name)
  }

  async upload(name: string, source: Readable): Promise<BackupDetail> {
    const { folder } = this.#place
    pathOf(folder, name)
    await makeFolder(folder)
    const temporary = temporaryPath(folder)
    let bytes = 0
    const count = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        // The disk is looked at every 64 MiB: others write to it too.
        if (bytes === 0 || bytes % 2 ** 26 > (bytes + chunk.length) % 2 ** 26) {
          await assertRoom(folder, RESERVE_BYTES, 'The upload')
        }
        bytes += chunk.length
        if (bytes > MOST_UPLOAD_BYTES)
          throw backupError('backup_too_large', 'The upload is larger than 256 GiB')
        yield chunk
      }
    }
    try {
      await pipeline(source, count, createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }))
      await this.#assertBackup(temporary)
      await publish(folder, temporary, name)
    } catch (error) {
      throw translated(error, new AbortController().signal)
    } finally {
      await rm(temporary, { force: true })
    }
    return this.getBackup(name)
  }

  /** An encrypted one whose key is not here is kept all the same. */
  async #assertBackup(path: string): Promise<void> {
    try {
      await openBackup(await Archive.open(path), this.#place.secret)
    } catch (error) {
      if (!isBackupError(error, 'key_missing') && !isBackupError(error, 'key_wrong')) throw error
    }
  }

  async loss(name: string): Promise<BackupLoss> {
    const { manifest } = await openNamed(this.#place, name)
    return {
      since: manifest.createdAt,
      tables: await countLoss(this.#deps.getAppDbFor, manifest),
      obstacle: await this.#obstacle(() => assertRestorable(this.#place, manifest)),
    }
  }

  async #obstacle(check: () => Promise<void>): Promise<BackupLoss['obstacle']> {
    try {
      await check()
      return this.#deps.completeRestore ? null : { code: 'restore_offline', message: OFFLINE }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return { code: error.code, message: error.message }
    }
  }

  async restoreBackup(name: string, confirm: string, by: string | null): Promise<Operation> {
    const { completeRestore } = this.#deps
    if (confirm !== name) throw backupError('confirmation', `To restore it, give its name once more: ${name}`)
    if (!completeRestore) throw backupError('restore_offline', OFFLINE)
    const { manifest } = await openNamed(this.#place, name)
    await assertRestorable(this.#place, manifest)
    return this.#begin('restore', name, by, async (watch) => {
      const prepared = await prepareRestore(this.#place, name, watch)
      this.#leaving = true
      completeRestore(prepared, by)
      return undefined
    })
  }

  cancel(): void {
    if (!this.#operation || this.#leaving) throw backupError('nothing_running', 'There is nothing to cancel')
    this.#abort.abort(backupError('cancelled', 'It was cancelled; nothing was changed'))
  }

  dropSetAside(name: string): Promise<void> {
    return dropSetAside(this.#place, name)
  }

  async tick(): Promise<void> {
    const { settings } = this.#deps
    if (this.#operation || this.#leaving || !(await settings.boolean('backups.enabled'))) return
    const { items } = await readCatalog(this.#place)
    const after = new Date(await this.#lastScheduled(items))
    const due = nextRun(
      await settings.text('backups.schedule'),
      await settings.text('backups.time_zone'),
      after,
    )
    if (due && due <= this.#place.clock()) {
      this.#attemptedAt = this.#place.clock().toISOString()
      this.createBackup(null, 'scheduled')
    } else {
      // Those that a restore has left, and what came from elsewhere.
      const unproved = items.find((each) => !each.problem && !each.provedAt && each.proveProblem === null)
      if (!unproved) return
      await this.prove(unproved.name, null)
    }
    await this.settled()
  }

  /** When the schedule was followed last. Where that never was: since there is a folder for it. */
  async #lastScheduled(items: BackupList['items']): Promise<string> {
    // A clock that was wrong by more must not put off the next one until then.
    const latest = new Date(this.#place.clock().getTime() + DAY_MS).toISOString()
    const made = items.find(
      ({ reason, createdAt }) => reason === 'scheduled' && createdAt <= latest,
    )?.createdAt
    const since = made ?? (await stat(this.#place.folder)).birthtime.toISOString()
    return [since, this.#attemptedAt].filter((at) => at <= latest).reduce((a, b) => (a > b ? a : b), NEVER)
  }

  start(): void {
    this.#running = exclusively(this.#place.folder, async () => {
      await removeTemporary(this.#place.folder)
      await removeLeftovers(this.#place)
    }).catch((error: unknown) => {
      // Another process is at it, or the server is away: the next operation comes by here too.
      this.#place.log.debug({ err: error }, 'leftovers of backups are not removed now')
    })
  }

  async settled(): Promise<void> {
    await this.#running
  }

  async stop(): Promise<void> {
    this.#abort.abort(backupError('cancelled', 'The server stops'))
    await this.#running
  }

  #begin(
    kind: Operation['kind'],
    name: string | null,
    by: string | null,
    work: (watch: Watch) => Promise<string | undefined>,
  ): Operation {
    if (this.#operation || this.#leaving) throw busy()
    const operation: Operation = {
      kind,
      name,
      step: 'starting',
      share: null,
      startedAt: this.#place.clock().toISOString(),
      by,
    }
    this.#operation = operation
    this.#abort = new AbortController()
    const { isAsked } = this.#deps
    const watch: Watch = {
      signal: this.#abort.signal,
      // Whoever restores is waiting for it.
      pace: kind === 'restore' || !isAsked ? undefined : createPace(WORKING_SHARE, isAsked),
      onProgress: (step, share) => {
        if (this.#operation) this.#operation = { ...this.#operation, step, share }
      },
    }
    this.#running = this.#running.then(() => this.#run(operation, watch, work))
    return operation
  }

  async #run(
    { kind, name, by }: Operation,
    watch: Watch,
    work: (watch: Watch) => Promise<string | undefined>,
  ): Promise<void> {
    const said = { kind, name, by, safety: null }
    try {
      const made = await exclusively(this.#place.folder, async () => {
        await removeTemporary(this.#place.folder)
        await removeLeftovers(this.#place).catch((error: unknown) => {
          this.#place.log.debug({ err: error }, 'leftovers of backups are not removed now')
        })
        return work(watch)
      })
      // A restore goes on elsewhere, and is told of there.
      if (made !== undefined)
        await this.#note({ ...said, name: made, outcome: 'done', code: null, message: null })
    } catch (error) {
      const failure = failureOutcome(error)
      // Whoever asked is told of what is expected; the rest is in the log alone.
      const level = error instanceof AppError ? 'warn' : 'error'
      if (failure.outcome === 'failed')
        this.#place.log[level]({ err: error, kind, backup: name }, 'backup operation failed')
      await this.#note({ ...said, ...failure })
    } finally {
      this.#operation = null
    }
  }

  #note(outcome: Omit<Outcome, 'at'>): Promise<void> {
    return writeLast(this.#place, { ...outcome, at: this.#place.clock().toISOString() })
  }

  async #proveNow(name: string, watch: Watch): Promise<void> {
    try {
      await proveBackup(this.#place, await openNamed(this.#place, name), watch)
      await noteProof(this.#place, name, { provedAt: this.#place.clock().toISOString(), proveProblem: null })
    } catch (cause) {
      const error = translated(cause, watch.signal)
      const problem = failureOutcome(error)
      if (problem.outcome === 'failed') {
        await noteProof(this.#place, name, { provedAt: null, proveProblem: problem.message })
      }
      throw error
    }
  }

  async #prune(): Promise<void> {
    const { settings } = this.#deps
    const { items } = await readCatalog(this.#place)
    const keep = {
      count: await settings.number('backups.keep_count'),
      days: await settings.number('backups.keep_days'),
      bytes: (await settings.number('backups.keep_gib')) * 2 ** 30,
    }
    for (const { name } of outdated(items, keep, this.#place.clock())) {
      await removeBackup(this.#place.folder, name)
      this.#place.log.info({ backup: name }, 'an old backup was deleted')
    }
  }
}

const OFFLINE = 'This server cannot restart itself: stop it and run "holdfast backup restore"'
const busy = () =>
  backupError('operation_running', 'Another backup, proof or restore is running: wait for it')
