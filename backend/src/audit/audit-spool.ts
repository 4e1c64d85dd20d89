import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Log } from '../core/log.ts'
import type { NewAuditRow } from './audit.store.ts'

/**
 * Records that the store could not take, as JSON lines on disk, synced before they count as kept.
 * `<file>` takes new lines; `<file>.draining` holds those on their way into the store, and outlives a crash.
 */
export interface AuditSpool {
  append(row: NewAuditRow): Promise<void>
  /** Hands the kept rows to `write` and forgets them when it resolves. @returns how many. */
  drain(write: (rows: readonly NewAuditRow[]) => Promise<void>): Promise<number>
}

const rowSchema = z.object({
  user_id: z.string().nullable(),
  username: z.string().nullable(),
  action: z.string(),
  target_type: z.string().nullable(),
  target_id: z.string().nullable(),
  details: z.json(),
  request_id: z.string().nullable(),
  ip_address: z.string().nullable(),
  created_at: z.string(),
})

const BATCH = 200

export function createAuditSpool(deps: { file: string; log: Log }): AuditSpool {
  const { file } = deps
  const draining = `${file}.draining`
  // Appends and renames must not interleave: a line written to a renamed file would be deleted with it.
  let last: Promise<unknown> = Promise.resolve()
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = last.then(work, work)
    last = run.catch(() => {
      // The caller of `run` sees the failure; the queue goes on.
    })
    return run
  }

  async function takeLines(): Promise<string[]> {
    const left = await readText(draining)
    if (left !== undefined) return lines(left)
    try {
      await rename(file, draining)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
    return lines((await readText(draining)) ?? '')
  }

  function parse(line: string): NewAuditRow[] {
    try {
      return [rowSchema.parse(JSON.parse(line))]
    } catch (error) {
      // A crash may cut the last line; it never counted as kept.
      deps.log.warn({ err: error }, 'audit spool has a broken line')
      return []
    }
  }

  return {
    append(row) {
      return inTurn(async () => {
        await mkdir(dirname(file), { recursive: true })
        const handle = await open(file, 'a', 0o600)
        try {
          await handle.appendFile(`${JSON.stringify(row)}\n`)
          await handle.datasync()
        } finally {
          await handle.close()
        }
      })
    },
    async drain(write) {
      const rows = (await inTurn(takeLines)).flatMap(parse)
      for (let index = 0; index < rows.length; index += BATCH) await write(rows.slice(index, index + BATCH))
      await rm(draining, { force: true })
      return rows.length
    },
  }
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

const isMissing = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT'

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
