import { createReadStream } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { basename } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { hasCode } from '../../backups/backup-error.ts'
import {
  type BackupDetail,
  type BackupList,
  type BackupLoss,
  backupDetailSchema,
  backupListSchema,
  lossSchema,
  type Operation,
  type Outcome,
  operationSchema,
} from '../../backups/backups.schema.ts'
import { AppError } from '../../core/errors.ts'
import { callServer, type Server, UnreachableError } from '../server-call.ts'
import { UsageError } from '../storage/moves.ts'

/** What the commands ask for, of a server or of this process. What begins something resolves to how it ended. */
export interface BackupClient {
  list(): Promise<BackupList>
  show(name: string): Promise<BackupDetail>
  create(): Promise<Outcome | null>
  prove(name: string): Promise<Outcome | null>
  loss(name: string): Promise<BackupLoss>
  restore(name: string, safety: boolean): Promise<Outcome | null>
  delete(name: string): Promise<void>
  drop(name: string): Promise<void>
  cancel(): Promise<void>
  close(): Promise<void>
}

const POLL_MS = 500
/** A restore stops the server for as long as the backup of what is there takes. */
const AWAY_MS = 3_600_000
const nothing = z.undefined()
const pathOf = (name: string) => `/api/backups/${encodeURIComponent(name)}`

/** @param server asked each time: it has another secret after a restore. */
export function remoteBackups(
  server: () => Server,
  onProgress: (operation: Operation) => void,
  signal: AbortSignal,
): BackupClient {
  const call = <T>(method: string, path: string, schema: z.ZodType<T>, body?: unknown) =>
    callServer(server(), method, path, schema, body, signal)
  const list = () => call('GET', '/api/backups', backupListSchema)

  /** How what was begun has ended. */
  async function ended({ kind, startedAt }: Operation): Promise<Outcome | null> {
    for (;;) {
      await sleep(POLL_MS, undefined, { signal })
      const { operation, last } = await list()
      if (operation) onProgress(operation)
      else if (kind !== 'restore' || (last?.kind === 'restore' && last.at >= startedAt)) return last
    }
  }

  async function endedAcrossRestart(begun: Operation): Promise<Outcome | null> {
    const deadline = performance.now() + AWAY_MS
    for (;;) {
      try {
        return await ended(begun)
      } catch (error) {
        const away =
          error instanceof UnreachableError ||
          (error instanceof AppError && (error.status === 503 || error.status === 401))
        if (!away || performance.now() > deadline) throw error
        await sleep(POLL_MS, undefined, { signal })
      }
    }
  }

  return {
    list,
    show: (name) => call('GET', pathOf(name), backupDetailSchema),
    create: async () => ended(await call('POST', '/api/backups', operationSchema)),
    prove: async (name) => ended(await call('POST', `${pathOf(name)}/prove`, operationSchema)),
    loss: (name) => call('GET', `${pathOf(name)}/loss`, lossSchema),
    async restore(name) {
      const begun = await call('POST', `${pathOf(name)}/restore`, operationSchema, { confirm: name })
      return endedAcrossRestart(begun)
    },
    delete: (name) => call('DELETE', pathOf(name), nothing),
    drop: (name) => call('DELETE', `/api/backups/set-aside/${encodeURIComponent(name)}`, nothing),
    cancel: () => call('POST', '/api/backups/cancel', nothing),
    close: async () => undefined,
  }
}

/** Fetches a backup into a new file, whole or not at all. @throws UsageError for a file that cannot be made. */
export async function download(
  server: Server,
  name: string,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const answer = await send(server, 'GET', `${pathOf(name)}/file`, signal)
  if (answer.statusCode !== 200) throw await problemOf(answer)
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => refuse(path, error))
  try {
    await pipeline(answer, file.createWriteStream({ flush: true }), { signal })
  } catch (error) {
    await rm(path, { force: true })
    return refuse(path, error)
  }
}

/** What the file system says of a file is for whoever named it. */
function refuse(path: string, error: unknown): never {
  const codes = ['EEXIST', 'ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EROFS', 'ENOSPC']
  if (codes.some((code) => hasCode(error, code))) {
    throw new UsageError(`${path} cannot be used: ${error instanceof Error ? error.message : ''}`)
  }
  throw error
}

/** Gives a file to a server; its name there is that of the file. @throws UsageError for a file that cannot be read. */
export async function upload(server: Server, path: string, signal: AbortSignal): Promise<BackupDetail> {
  const { size } = await stat(path).catch((error: unknown) => refuse(path, error))
  const query = new URLSearchParams({ name: basename(path) })
  const answer = await send(server, 'POST', `/api/backups/upload?${query.toString()}`, signal, { path, size })
  if (answer.statusCode !== 201) throw await problemOf(answer)
  return backupDetailSchema.parse(JSON.parse(await text(answer)))
}

async function problemOf(answer: IncomingMessage): Promise<AppError> {
  const status = answer.statusCode ?? 0
  const body: unknown = await text(answer)
    .then((words) => JSON.parse(words))
    .catch(() => undefined) // a proxy's page
  const problem = z.object({ code: z.string(), detail: z.string() }).safeParse(body)
  const { code, detail } = problem.success
    ? problem.data
    : { code: `http_${status}`, detail: `The server answered ${status}` }
  return new AppError(status, code, detail)
}

function send(
  server: Server,
  method: string,
  path: string,
  signal: AbortSignal,
  file?: { readonly path: string; readonly size: number },
): Promise<IncomingMessage> {
  const url = new URL(path, server.url)
  const start = url.protocol === 'https:' ? requestHttps : requestHttp
  const headers = {
    authorization: `Bearer ${server.token}`,
    ...(file ? { 'content-type': 'application/x-tar', 'content-length': file.size } : {}),
  }
  return new Promise((resolve, reject) => {
    const sent = start(url, { method, headers, agent: false, signal }, resolve)
    // The server may refuse a file before it has it all: its answer is worth more.
    sent.once('error', (error) => reject(new UnreachableError(server.url, error.message, error)))
    if (file)
      pipeline(createReadStream(file.path), sent).catch(() => undefined) // told by the request itself
    else sent.end()
  })
}
