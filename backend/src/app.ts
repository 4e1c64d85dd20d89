import type { Server } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { auditRoutes, createAuditService, createAuditSpool, createAuditStore } from './audit/index.ts'
import { authRoutes, createAuthService, isLoopbackAddress } from './auth/index.ts'
import { type BackupsDeps, backupSettings, createBackups } from './backups/index.ts'
import type { Config } from './core/config/config.ts'
import { processEnvironment } from './core/config/environment.ts'
import { createSecretBox, loadSecretKey } from './core/crypto/secret-box.ts'
import { closeServer } from './core/http/close-server.ts'
import { createHttpApp } from './core/http/http-app.ts'
import { createHttpServer } from './core/http/http-server.ts'
import { buildOpenApi } from './core/http/openapi.ts'
import { ANONYMOUS } from './core/http/principal.ts'
import type { Route } from './core/http/route.ts'
import { staticFiles } from './core/http/static-files.ts'
import { createJobs } from './core/jobs/jobs.ts'
import type { Log } from './core/log.ts'
import { createRealtimeServer } from './core/realtime/server.ts'
import { VERSION } from './core/version.ts'
import type { Storage } from './db/app-db-router.ts'
import { isDbError } from './db/db-errors.ts'
import { createDoctor, doctorRoutes } from './doctor/index.ts'
import { createFleet } from './fleet/index.ts'
import {
  checkDisk,
  createHealthService,
  createProcessMetrics,
  createRecentRequests,
  createSystemService,
  docsRoutes,
  healthRoutes,
  processMetricsRoutes,
  systemRoutes,
} from './health/index.ts'
import { createMetrics, keepByProduct } from './metrics/index.ts'
import { createMonitoringService, createMonitoringStore, monitoringRoutes } from './monitoring/index.ts'
import { archiveRoutes, createMoves, type MoveLimits, movesRoutes, movesSocket } from './moves/index.ts'
import {
  createLoginAttemptsStore,
  createLoginLimiter,
  createSessionsService,
  createSessionsStore,
} from './sessions/index.ts'
import {
  accessSettings,
  createSettingsService,
  createSettingsStore,
  retentionSettings,
  settingsRoutes,
} from './settings/index.ts'
import { createStorageFacts } from './storage/index.ts'
import {
  createPasswords,
  createTokensService,
  createTokensStore,
  createUsersService,
  createUsersStore,
  tokensRoutes,
  usersRoutes,
} from './users/index.ts'

export interface AppOptions {
  readonly config: Config
  readonly log: Log
  readonly storage: Storage
  readonly clock?: () => Date
  /** The built web page; the product's own unless given. */
  readonly pageFolder?: string
  /** Checks every answer against its schema; for tests. */
  readonly checkResponses?: boolean
  /** Shorter times for tests of moves. */
  readonly moveLimits?: Partial<MoveLimits>
  /** How often live connections are checked again. */
  readonly recheckMs?: number
  /** Bearer token for the command line on this machine; without it there is no such access. */
  readonly localSecret?: string
  /** Of a server that can start itself again. */
  readonly completeRestore?: BackupsDeps['completeRestore']
  readonly restored?: BackupsDeps['restored']
  /** Gets the single-use token for the first admin: once for each start while there is none. */
  readonly onSetupToken?: (token: string) => void
}

export interface App {
  readonly server: Server
  readonly routes: readonly Route[]
  readonly openApi: Readonly<Record<string, unknown>>
  /** Starts jobs and the collector, and makes sure that somebody can sign in, now or when the store is there. */
  start(): Promise<void>
  /** Runs a job besides its schedule. */
  runJob(name: string): Promise<void>
  /** Takes no more requests, lets running ones end, writes what is still in memory. The storage stays open. */
  stop(): Promise<void>
}

const PAGE_FOLDER = fileURLToPath(new URL('../../frontend/dist/', import.meta.url))
const HOUR = 3600

/** The composition root: makes every part and hands each what it needs. Nothing runs before `start`. */
export function createApp(options: AppOptions): App {
  const { config, log, storage } = options
  const clock = options.clock ?? (() => new Date())
  const part = (name: string) => log.child({ part: name })
  const jobs = createJobs({ log: part('jobs') })
  const secretBox = createSecretBox(loadSecretKey(config.secretKey, config.dataDir))

  const settings = createSettingsService({
    store: createSettingsStore(storage.getAppDbFor('settings')),
    definitions: [...accessSettings, ...retentionSettings, ...backupSettings],
    secretBox,
    clock,
  })
  const audit = createAuditService({
    store: createAuditStore(storage.getAppDbFor('audit')),
    spool: createAuditSpool({ file: join(config.dataDir, 'audit-spool.jsonl'), log: part('audit') }),
    log: part('audit'),
    clock,
  })
  const sessions = createSessionsService({
    store: createSessionsStore(storage.getAppDbFor('sessions')),
    settings,
    clock,
  })
  const users = createUsersService({
    store: createUsersStore(storage.getAppDbFor('users')),
    passwords: createPasswords(),
    clock,
    endSessions: (userId, exceptId) => sessions.endAll(userId, exceptId),
  })
  const tokens = createTokensService({ store: createTokensStore(storage.getAppDbFor('users')), clock })
  const limiter = createLoginLimiter({
    store: createLoginAttemptsStore(storage.getAppDbFor('sessions')),
    settings,
    clock,
  })
  const auth = createAuthService({
    users,
    sessions,
    tokens,
    limiter,
    previewAllowed: isPreviewAllowed(config),
    metricsToken: config.metricsToken,
    localSecret: options.localSecret,
  })
  const realtime = createRealtimeServer({
    log: part('realtime'),
    publicUrl: config.publicUrl,
    behindProxy: config.trustProxy !== false,
    identify: auth.identify,
    authorizeRoom: auth.authorizeRoom,
    stillValid: auth.stillValid,
    ...(options.recheckMs === undefined ? {} : { recheckMs: options.recheckMs }),
  })
  sessions.onEnded((ids) => realtime.endSessions(ids))
  const monitoring = createMonitoringService({
    store: createMonitoringStore(storage.getAppDbFor('monitoring')),
    settings,
    clock,
  })
  const metrics = createMetrics({
    db: storage.getAppDbFor('metrics'),
    log: part('metrics'),
    clock: () => clock().getTime(),
    sampleIntervalMs: config.sampleIntervalSeconds * 1000,
    retention: async () => ({
      rawDays: await settings.number('metrics.retention.raw_days'),
      rollup1mDays: await settings.number('metrics.retention.rollup_1m_days'),
      rollup5mDays: await settings.number('metrics.retention.rollup_5m_days'),
      rollupDays: await settings.number('metrics.retention.rollup_days'),
    }),
  })
  const fleet = createFleet({
    db: storage.getAppDbFor('fleet'),
    box: secretBox,
    log: part('fleet'),
    realtime,
    config,
    record: (samples) => metrics.service.record(samples),
    eventRetentionDays: () => settings.number('fleet.retention.event_days'),
    onSnapshot: async (counts, longestCycleMs) => {
      await monitoring.recordSnapshot({
        containersRunning: counts.running,
        containersStopped: counts.stopped + counts.restarting,
        containersUnhealthy: counts.unhealthy,
        endpointsUp: counts.endpointsUp,
        endpointsDown: counts.endpoints - counts.endpointsUp,
      })
      if (longestCycleMs !== null) await monitoring.recordCycle(longestCycleMs)
    },
  })
  const facts = createStorageFacts({
    storage,
    postgresConfigured: config.postgresAppUrl !== undefined,
    clock,
  })
  const health = createHealthService({
    checks: {
      ...facts.checks,
      disk: () => checkDisk(config.dataDir),
      docker: async () => fleet.check(),
      backups: () => backups.check(),
    },
  })
  const requests = createRecentRequests()
  const moves = createMoves({
    control: storage.control,
    status: () => storage.status(),
    log: part('moves'),
    clock,
    dataDir: config.dataDir,
    requestP99Ms: requests.p99Ms,
    prepare: { metrics: keepByProduct },
    ...(options.moveLimits ? { limits: options.moveLimits } : {}),
  })
  movesSocket({ realtime, moves })
  const backups = createBackups({
    ...options,
    settings,
    clock,
    log: part('backups'),
    audit: audit.record,
    isAsked: requests.isAsked,
  })
  const collector = () => {
    const { queueLength, droppedSamples } = metrics.service.stats()
    return { ...fleet.status(), droppedSamples, queueLength }
  }
  const processMetrics = createProcessMetrics({
    readiness: () => health.readiness(),
    collector,
    connections: () => realtime.connections(),
    slowConnections: () => realtime.slowConnections(),
    moves: () => moves.metrics(),
    requests,
  })
  const system = createSystemService({
    version: VERSION,
    startedAt: clock(),
    clock,
    storage: () => facts.describe(),
    settings: () => settings.list(),
    collector,
    eventLoopDelayP99Ms: () => processMetrics.eventLoopDelayP99Ms(),
    connections: () => realtime.connections(),
  })

  const doctor = createDoctor({ env: processEnvironment(), config, storage })

  const routes: Route[] = [
    ...healthRoutes({ health }),
    ...processMetricsRoutes({ metrics: processMetrics }),
    ...docsRoutes({ document: () => openApi }),
    ...systemRoutes({ system }),
    ...doctorRoutes({ doctor }),
    ...authRoutes({
      auth,
      users,
      sessions,
      version: VERSION,
      publicUrl: config.publicUrl,
      instanceName: () => settings.text('general.instance_name'),
      audit: audit.record,
    }),
    ...usersRoutes({ users }),
    ...tokensRoutes({ tokens }),
    ...settingsRoutes({ settings }),
    ...auditRoutes({ audit }),
    ...monitoringRoutes({ monitoring }),
    ...movesRoutes({ moves }),
    ...backups.routes,
    ...archiveRoutes(moves),
    ...metrics.routes,
    ...fleet.routes,
  ]
  const openApi = buildOpenApi(routes, { title: 'Holdfast', version: VERSION })

  for (const job of [
    { name: 'setup', every: 5, run: () => prepareSetup() },
    { name: 'access-flush', every: 15, run: () => flushAccess() },
    { name: 'audit-drain', every: 5, atStart: true, run: () => audit.drain() },
    {
      name: 'audit-retention',
      every: 6 * HOUR,
      atStart: true,
      run: async (signal: AbortSignal) => audit.prune(await settings.number('audit.retention.days'), signal),
    },
    {
      name: 'sessions-retention',
      every: 6 * HOUR,
      atStart: true,
      run: async (signal: AbortSignal) => {
        await limiter.prune()
        await sessions.prune(signal)
      },
    },
    {
      name: 'monitoring-retention',
      every: 6 * HOUR,
      atStart: true,
      run: (signal: AbortSignal) => monitoring.prune(signal),
    },
    ...backups.jobs,
    ...metrics.jobs,
    ...fleet.jobs,
  ]) {
    jobs.add(job)
  }
  settings.onChange((changes) => {
    // `audit.retention.days` → the job `audit-retention`, so that a shorter time acts now.
    const names = changes.flatMap(({ key }) =>
      key.includes('.retention.') ? [`${key.split('.')[0]}-retention`] : [],
    )
    for (const name of new Set(names)) void jobs.run(name)
  })

  async function flushAccess(): Promise<void> {
    await sessions.flush()
    await tokens.flush()
  }

  let setupDone = false

  /** Runs until it has succeeded once: the store of the users may be away when the product starts. */
  async function prepareSetup(): Promise<void> {
    if (setupDone) return
    const { adminUsername: username, adminPassword: password } = config
    const unattended = username !== undefined && password !== undefined ? { username, password } : undefined
    try {
      const { made, token } = await auth.prepareSetup(unattended)
      setupDone = true
      if (token !== undefined) options.onSetupToken?.(token)
      if (made !== undefined) await recordUnattendedSetup(made)
    } catch (error) {
      if (!isDbError(error, 'unavailable')) throw error
      log.warn({ err: error }, 'users cannot be read yet: signing in must wait')
    }
  }

  async function recordUnattendedSetup(username: string): Promise<void> {
    await audit.record({
      action: 'auth.setup',
      principal: ANONYMOUS,
      requestId: 'start',
      ip: 'local',
      outcome: 'done',
      targetType: 'user',
      details: { username, from: 'ADMIN_USERNAME' },
    })
  }

  const express = createHttpApp({
    log: part('http'),
    routes,
    publicUrl: config.publicUrl,
    trustProxy: config.trustProxy,
    authenticate: (req) => auth.identify(req),
    authorize: (route, principal, req) => auth.authorize(route, principal, req.method),
    audit: audit.record,
    observe: processMetrics.observe,
    checkResponses: options.checkResponses ?? false,
    fallback: staticFiles(options.pageFolder ?? PAGE_FOLDER),
  })
  const server = createHttpServer(express)
  realtime.attach(server)

  return {
    server,
    routes,
    openApi,
    async start() {
      jobs.start()
      fleet.start()
      await moves.start()
      await backups.start()
      await jobs.run('setup')
    },
    runJob: jobs.run,
    async stop() {
      const closed = closeServer(server)
      await realtime.close()
      await backups.stop()
      await jobs.stop()
      await fleet.stop()
      await closed
      await metrics.service.close()
      await flushAccess()
      await audit.drain()
      await moves.stop()
      processMetrics.close()
    },
  }
}

/** Only for a browser on this machine: anything that says there is a proxy rules it out. */
function isPreviewAllowed(config: Config): boolean {
  const publicHost = config.publicUrl === undefined ? 'localhost' : new URL(config.publicUrl).hostname
  return config.trustProxy === false && isLoopbackAddress(config.host) && isLoopbackAddress(publicHost)
}
