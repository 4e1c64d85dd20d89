import { loadConfig } from '../../core/config/config.ts'
import { AppError } from '../../core/errors.ts'
import { createLogger } from '../../core/log.ts'
import { readServerFile } from '../../core/server-file.ts'
import { namedServer, UnreachableError } from '../server-call.ts'
import { type Moves, UsageError } from './moves.ts'
import { remoteMoves } from './remote.ts'

export interface Connection {
  readonly moves: Moves
  /** This process does the work itself: it must stay until a step is done. */
  readonly offline: boolean
  close(): Promise<void>
}

interface Target {
  readonly url?: string
  readonly token?: string
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * Finds who does the work: the server that is named, else the one that runs on this data folder, else this process.
 *
 * @param acts whether the command changes anything: only then moves that were under way go on in this process.
 * @throws UsageError, ConfigError, UnreachableError, StoreInUseError
 */
export async function connect(target: Target, env: Env, acts: boolean): Promise<Connection> {
  const server = namedServer(target, env)
  if (server) return online(remoteMoves(server))
  const config = loadConfig(env)
  const local = readServerFile(config.dataDir)
  if (local) {
    const moves = remoteMoves({ url: local.url, token: local.secret })
    if (await answers(moves)) return online(moves)
  }
  return openHere(config, acts)
}

const online = (moves: Moves): Connection => ({ moves, offline: false, close: async () => undefined })

/** A server that was killed may have left its file, and its process id or port to somebody else. */
async function answers(moves: Moves): Promise<boolean> {
  try {
    await moves.log({ limit: 1 })
    return true
  } catch (error) {
    if (error instanceof UnreachableError) return false
    if (error instanceof AppError) return error.status !== 401
    throw error
  }
}

/** The storage and the service of a server, without the server. */
async function openHere(config: ReturnType<typeof loadConfig>, acts: boolean): Promise<Connection> {
  const [
    { existsSync },
    { finishAtStart, placeOf },
    { openStorage, sqliteFile },
    { keepByProduct },
    { createMoves, settleRoles },
  ] = await Promise.all([
    import('node:fs'),
    import('../../backups/index.ts'),
    import('../../db/app-db-router.ts'),
    import('../../metrics/index.ts'),
    import('../../moves/index.ts'),
  ])
  if (config.postgresAppUrl === undefined && !existsSync(sqliteFile(config.dataDir)))
    throw new UsageError(
      `There is no installation in ${config.dataDir}: set DATA_DIR, or HOLDFAST_URL and HOLDFAST_TOKEN.`,
    )
  const clock = () => new Date()
  const log = createLogger('error')
  // A restore that was interrupted on its last step comes first: the stores may be half exchanged.
  await finishAtStart(placeOf(config, log, clock))
  const storage = await openStorage({ config, log, clock, settleRoles })
  const moves = createMoves({
    control: storage.control,
    status: () => storage.status(),
    log,
    clock,
    dataDir: config.dataDir,
    prepare: { metrics: keepByProduct },
  })
  try {
    if (acts) await moves.start()
  } catch (error) {
    await storage.close()
    throw error
  }
  return {
    moves,
    offline: true,
    async close() {
      await moves.stop()
      await storage.close()
    },
  }
}
