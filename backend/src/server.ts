import { accessSync, constants, mkdirSync } from 'node:fs'
import type { Server } from 'node:http'
import { isatty } from 'node:tty'
import { setFlagsFromString } from 'node:v8'
import { type App, type AppOptions, createApp } from './app.ts'
import {
  completeAndNote,
  finishAtStart,
  type PreparedRestore,
  placeOf,
  withMaintenance,
} from './backups/index.ts'
import { type Config, ConfigError, loadConfig } from './core/config/config.ts'
import { SecretKeyError } from './core/crypto/secret-box.ts'
import { newToken } from './core/crypto/tokens.ts'
import { createLogger, type Log } from './core/log.ts'
import { removeServerFile, type ServerFile, writeServerFile } from './core/server-file.ts'
import { VERSION } from './core/version.ts'
import { openStorage } from './db/app-db-router.ts'
import { MissingDriverError } from './db/missing-driver.ts'
import { StoreInUseError } from './db/store-in-use.ts'
import { settleRoles } from './moves/index.ts'

/**
 * By how many percent the heap grows until the next full collection. V8's own step is 8 MB where little is allocated: one every
 * ten to twenty seconds, which holds up what is asked meanwhile for up to 60 ms. The young generation can be set by whoever
 * starts Node only: docker/holdfast.
 */
const HEAP_GROWTH = 100

/** A reason not to start, with what to do about it. The message is all that a person needs. */
export class StartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StartError'
  }
}

export interface RunningServer {
  readonly app: App
  /** Where it listens, e.g. `http://127.0.0.1:3051`. */
  readonly url: string
  /** Graceful; resolves to false when SHUTDOWN_TIMEOUT_SECONDS was not enough. */
  stop(): Promise<boolean>
}

/**
 * Starts the product: data folder, storage, app, port. A restore of a backup stops it, and it starts once more.
 *
 * @throws {StartError} for what an operator can put right; nothing is left running.
 */
export async function startServer(config: Config, log: Log): Promise<RunningServer> {
  prepareDataFolder(config.dataDir)
  const place = placeOf(config, log.child({ part: 'backups' }), () => new Date())
  let stopping = false
  let restarting: Promise<void> = Promise.resolve()

  function completeRestore(prepared: PreparedRestore, by: string | null): void {
    // Out of the request that asked for it.
    restarting = new Promise((resolve) => setImmediate(resolve)).then(() => restart(prepared, by))
    restarting.catch((error: unknown) => {
      log.fatal({ err: error }, 'the product does not start after a restore')
      process.exit(1)
    })
  }

  async function restart(prepared: PreparedRestore, by: string | null): Promise<void> {
    if (stopping) return
    const port = portOf(running.app.server, config)
    await running.stop()
    const done = await withMaintenance({ host: config.host, port }, (tell) =>
      completeAndNote(place, prepared, by, tell),
    )
    const restored = done ? { restored: { name: prepared.name, by } } : {}
    running = await startOnce({ ...config, port }, log, { completeRestore, ...restored })
  }

  const finished = await finishAtStart(place).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartError(
      `The restore of a backup was interrupted on its last step and cannot be finished: ${reason}. Start again once it can.`,
      error,
    )
  })
  const restored = finished === undefined ? {} : { restored: { name: finished, by: null } }
  let running = await startOnce(config, log, { completeRestore, ...restored })
  return {
    get app() {
      return running.app
    },
    url: running.url,
    async stop() {
      stopping = true
      await restarting
      return running.stop()
    },
  }
}

async function startOnce(
  config: Config,
  log: Log,
  options: Pick<AppOptions, 'completeRestore' | 'restored'>,
): Promise<RunningServer> {
  const storage = await openStorage({
    config,
    log: log.child({ part: 'storage' }),
    clock: () => new Date(),
    settleRoles,
  })
  const localSecret = newToken('hfl_')
  let app: App | undefined
  try {
    const made: App = createApp({
      ...options,
      config,
      log,
      storage,
      localSecret,
      onSetupToken: (token) => announceSetup(urlOf(made.server, config), token, log),
    })
    app = made
    await listen(app.server, config)
    const local = { url: localUrlOf(app.server, config), pid: process.pid, secret: localSecret }
    tellCommandLine(config, local, log)
    const url = urlOf(app.server, config)
    log.info({ url, version: VERSION }, 'listening')
    greet([`Holdfast ${VERSION} is at ${url}`, 'Ctrl+C stops it'])
    await app.start()
    return { app, url, stop: once(stopper(app, storage, config, log)) }
  } catch (error) {
    app?.server.close()
    await storage.close()
    removeServerFile(config.dataDir, process.pid)
    throw error
  }
}

/** Without the file commands on this machine do not find the server; that is no reason not to serve. */
function tellCommandLine(config: Config, local: ServerFile, log: Log): void {
  try {
    writeServerFile(config.dataDir, local)
  } catch (error) {
    log.warn(
      { err: error },
      'server.json cannot be written: commands on this machine will not find this server',
    )
  }
}

function prepareDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartError(
      `The data folder ${folder} cannot be written (${reason}). Set DATA_DIR to a folder that this user (uid ${process.getuid?.() ?? '?'}) owns, or correct its owner.`,
      error,
    )
  }
}

function listen(server: Server, config: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, config)))
    server.listen(config.port, config.host, resolve)
  })
}

function listenError(error: Error, { port, host }: Config): Error {
  const code = 'code' in error ? error.code : undefined
  switch (code) {
    case 'EADDRINUSE':
      return new StartError(
        `Port ${port} on ${host} is taken. Stop what listens there, or set PORT to another.`,
        error,
      )
    case 'EACCES':
      return new StartError(
        `Port ${port} needs rights that this user does not have. Set PORT to 1024 or above.`,
        error,
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartError(
        `${host} is no address of this machine. Set HOST to 127.0.0.1, 0.0.0.0 or one that is.`,
        error,
      )
    default:
      return error
  }
}

const urlOf = (server: Server, config: Config): string => config.publicUrl ?? localUrlOf(server, config)

function portOf(server: Server, config: Config): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : config.port
}

/** Where this machine itself reaches the server, whatever proxy stands before it. */
function localUrlOf(server: Server, config: Config): string {
  const port = portOf(server, config)
  const anywhere = config.host === '0.0.0.0' || config.host === '::'
  const host = anywhere ? 'localhost' : config.host.includes(':') ? `[${config.host}]` : config.host
  return `http://${host}:${port}`
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= work()
    return result
  }
}

function stopper(app: App, storage: { close(): Promise<void> }, config: Config, log: Log) {
  return async (): Promise<boolean> => {
    const limitMs = config.shutdownTimeoutSeconds * 1000
    // Requests that do not end are cut while there is time left to write what is in memory.
    const cut = setTimeout(() => app.server.closeAllConnections(), limitMs / 2)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), limitMs)
    })
    const inTime = await Promise.race([stopAll(app, storage).then(() => true), late])
    removeServerFile(config.dataDir, process.pid)
    clearTimeout(cut)
    clearTimeout(timer)
    if (!inTime) log.error({ seconds: config.shutdownTimeoutSeconds }, 'stop took too long')
    return inTime
  }
}

async function stopAll(app: App, storage: { close(): Promise<void> }): Promise<void> {
  try {
    await app.stop()
  } finally {
    await storage.close()
  }
}

/** Runs the product until SIGTERM or SIGINT; exit code 0 after a clean stop, 1 otherwise. */
export async function runServer(env: NodeJS.ProcessEnv): Promise<void> {
  const startedMs = performance.now()
  const config = readConfig(env)
  if (!config) return
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`)
  const log = createLogger(config.logLevel)
  let running: RunningServer | undefined
  let stopping = false
  let failed = false

  async function stop(reason: string): Promise<void> {
    // Ctrl+C reaches this process twice under npm: from the terminal, and passed on by npm.
    if (stopping) return
    stopping = true
    log.info({ reason }, 'stopping')
    const clean = (await running?.stop()) ?? true
    log.info('stopped')
    process.exit(clean && !failed ? 0 : 1)
  }
  const onSignal = (signal: NodeJS.Signals) => {
    stop(signal).catch((error: unknown) => {
      log.fatal({ err: error }, 'stop failed')
      process.exit(1)
    })
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  // Node undoes what nohup asks for: started away from any terminal, a closed one is no reason to stop.
  const hasTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor))
  process.on('SIGHUP', (signal) => {
    if (hasTerminal) onSignal(signal)
  })
  const onFatal = (error: unknown) => {
    log.fatal({ err: error }, 'unexpected failure: the process stops')
    failed = true
    stop('failure').catch(() => process.exit(1))
  }
  process.once('uncaughtException', onFatal)
  process.once('unhandledRejection', onFatal)

  try {
    running = await startServer(config, log)
  } catch (error) {
    reportStartFailure(error, log)
    process.exit(1)
  }
  log.info({ ms: Math.round(performance.now() - startedMs) }, 'started')
}

function readConfig(env: NodeJS.ProcessEnv): Config | undefined {
  try {
    return loadConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
    return undefined
  }
}

function reportStartFailure(error: unknown, log: Log): void {
  // These carry what to do in their message; a stack would only bury it.
  const known = [StartError, ConfigError, SecretKeyError, StoreInUseError, MissingDriverError].some(
    (kind) => error instanceof kind,
  )
  if (known && error instanceof Error) process.stderr.write(`Holdfast cannot start. ${error.message}\n`)
  else log.fatal({ err: error }, 'start failed')
}

/** For the person at the terminal, who should not have to read JSON. */
function greet(lines: readonly string[]): void {
  if (process.stderr.isTTY) process.stderr.write(`\n${lines.map((line) => `  ${line}\n`).join('')}\n`)
}

/** The token is meant to be read by whoever reads the log: it works once, and only until an admin exists. */
function announceSetup(url: string, token: string, log: Log): void {
  const setupUrl = `${url}/setup?token=${token}`
  log.info({ setupUrl }, 'no admin yet: open the setup address to make one')
  greet([`No admin yet. Make one at ${setupUrl}`])
}
