import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { Output } from '../src/cli/storage/printer.ts'
import { writeServerFile } from '../src/core/server-file.ts'
import type { Storage } from '../src/db/app-db-router.ts'
import type { Placement } from '../src/db/placement-store.ts'
import type { MoveLimits } from '../src/moves/index.ts'
import { startTestApp, type TestApp } from './app.ts'
import { openDatabase, type TestDatabase } from './databases.ts'
import { openTestStorage } from './product.ts'

/** By which a command on this machine is known to the server. */
export const LOCAL_SECRET = 'hfl_this-is-only-for-this-test'

/** An installation for each test of a file, on a data folder and a PostgreSQL database of its own. Call it once. */
export function cliInstallation() {
  const closers: (() => Promise<unknown>)[] = []
  let dataDir = ''
  let database: TestDatabase | undefined
  const there = (): TestDatabase => {
    if (!database) throw new Error('No test runs')
    return database
  }

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
    database = await openDatabase('postgres')
  })
  const end = async () => {
    for (const close of closers.splice(0).toReversed()) await close()
  }
  afterEach(async () => {
    await end()
    await database?.close()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const open = (storagePlacement: Placement | undefined, postgresUrl = there().location) =>
    openTestStorage({ dataDir, postgresUrl, config: { storagePlacement } })

  return {
    get dataDir() {
      return dataDir
    },
    get database() {
      return there()
    },
    /** Ends what was opened; the end of the test does it otherwise. */
    end,
    /** The variables by which a command finds it. */
    env: () => ({ DATA_DIR: dataDir, POSTGRES_APP_URL: there().location }),
    /** Its storage, until the test ends; everything begins in `placement`, where a setting says so. */
    async open({
      placement = 'sqlite',
      url,
    }: {
      readonly placement?: Placement | 'unset'
      readonly url?: string
    } = {}): Promise<Storage> {
      const storage = await open(placement === 'unset' ? undefined : placement, url)
      closers.push(() => storage.close())
      return storage
    },
    /** Changes it as one whose server is stopped. */
    async stopped(change?: (storage: Storage) => Promise<unknown>): Promise<void> {
      const storage = await open('sqlite')
      try {
        await change?.(storage)
      } finally {
        await storage.close()
      }
    },
    /** A server on `storage`, with the file by which a command finds it. */
    async serve(
      storage: Storage,
      options: {
        readonly moveLimits?: Partial<MoveLimits>
        readonly env?: Record<string, string>
        readonly clock?: () => Date
      } = {},
    ): Promise<TestApp> {
      const app = await startTestApp({ ...options, storage, dataDir, localSecret: LOCAL_SECRET })
      closers.push(() => app.stop())
      writeServerFile(dataDir, { url: app.base, pid: process.pid, secret: LOCAL_SECRET })
      return app
    },
  }
}

/** What a command prints, and its exit code. */
export async function printed(
  command: (output: Output) => Promise<number>,
): Promise<{ exit: number; output: string; errors: string }> {
  let text = ''
  let errors = ''
  const exit = await command({
    columns: undefined,
    write: (part) => {
      text += part
    },
    error: (part) => {
      errors += part
    },
  })
  return { exit, output: text, errors }
}
