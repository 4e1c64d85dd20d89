import { createInterface } from 'node:readline/promises'
import type { BackupLoss, Operation, Outcome } from '../../backups/backups.schema.ts'
import { loadConfig } from '../../core/config/config.ts'
import { AppError } from '../../core/errors.ts'
import { readServerFile } from '../../core/server-file.ts'
import type { BackupCommand, BackupFlags } from '../backup.ts'
import { runCommand, terminal } from '../command.ts'
import { namedServer, type Server, UnreachableError } from '../server-call.ts'
import { EXIT, UsageError } from '../storage/moves.ts'
import type { Output, Printer } from '../storage/printer.ts'
import { size } from '../storage/text.ts'
import { type BackupClient, download, remoteBackups, upload } from './client.ts'
import { detailText, listText, lossText, operationText } from './text.ts'

type Env = Readonly<Record<string, string | undefined>>

interface Run {
  readonly client: BackupClient
  readonly server: Server | undefined
  readonly printer: Printer
  readonly flags: BackupFlags
  readonly signal: AbortSignal
}

/** Runs one command of `holdfast backup` and resolves to its exit code. */
export async function runBackup(
  command: BackupCommand,
  argument: string,
  flags: BackupFlags,
  env: Env,
  output: Output = terminal,
): Promise<number> {
  return runCommand({ json: flags.json, output }, async ({ printer, signal, atEnd }) => {
    const run = await connect(flags, env, printer, signal)
    atEnd(() => run.client.close())
    return runBackupCommand(command, argument, run)
  })
}

/** The server that is named, else the one on this data folder, else this process. */
async function connect(flags: BackupFlags, env: Env, printer: Printer, signal: AbortSignal): Promise<Run> {
  const rest = { printer, flags, signal }
  let step = ''
  const onProgress = (operation: Operation) => {
    if (operation.step !== step) printer.say(operationText(operation))
    step = operation.step
  }
  const named = namedServer(flags, env)
  if (named) return { ...rest, server: named, client: remoteBackups(() => named, onProgress, signal) }
  const config = loadConfig(env)
  const local = (): Server | undefined => {
    const file = readServerFile(config.dataDir)
    return file && { url: file.url, token: file.secret }
  }
  const server = local()
  if (server) {
    const client = remoteBackups(() => local() ?? server, onProgress, signal)
    if (await answers(client)) return { ...rest, server, client }
  }
  const { backupsHere } = await import('./here.ts')
  return { ...rest, server: undefined, client: await backupsHere(config) }
}

/** A server that was killed may have left its file, and its process id or port to somebody else. */
async function answers(client: BackupClient): Promise<boolean> {
  try {
    await client.list()
    return true
  } catch (error) {
    if (error instanceof UnreachableError) return false
    if (error instanceof AppError) return error.status !== 401
    throw error
  }
}

async function runBackupCommand(command: BackupCommand, argument: string, run: Run): Promise<number> {
  const { client, printer } = run
  switch (command) {
    case 'list': {
      const list = await client.list()
      printer.result('backups', list, listText(list))
      return EXIT.done
    }
    case 'show': {
      const detail = await client.show(argument)
      printer.result('backup', detail, detailText(detail))
      return EXIT.done
    }
    case 'create':
      return ended(run, await client.create())
    case 'prove':
      return ended(run, await client.prove(argument))
    case 'restore':
      return restore(argument, run)
    case 'download':
      return fetchFile(argument, run)
    case 'upload': {
      if (!run.server)
        throw new UsageError('No server runs: copy the file into BACKUP_DIR (DATA_DIR/backups).')
      const detail = await upload(run.server, argument, run.signal)
      printer.result('uploaded', detail, detailText(detail))
      return EXIT.done
    }
    case 'delete':
      await confirm(run, `Delete ${argument}`, argument)
      await client.delete(argument)
      printer.result('deleted', { name: argument }, `${argument} is deleted`)
      return EXIT.done
    case 'drop':
      await confirm(run, `Drop ${argument}, which a restore has set aside`, argument)
      await client.drop(argument)
      printer.result('dropped', { name: argument }, `${argument} is dropped`)
      return EXIT.done
    case 'cancel':
      await client.cancel()
      printer.result('cancelled', {}, 'It is being cancelled')
      return EXIT.done
  }
}

function ended({ printer }: Run, last: Outcome | null): number {
  if (last?.outcome === 'done') {
    const { safety } = last
    const text = {
      create: `${last.name} is made and proved`,
      prove: `${last.name} is proved: restored, and every row is the same`,
      restore: `${last.name} is restored${safety === null ? '' : `; what was there before is in ${safety}`}`,
    }[last.kind]
    printer.result('done', { ...last }, text)
    return EXIT.done
  }
  printer.problem({
    code: last?.code ?? 'unknown',
    message: last?.message ?? 'It ended without a result',
    reasons: [],
  })
  return last?.outcome === 'cancelled' ? EXIT.refused : EXIT.failed
}

async function restore(name: string, run: Run): Promise<number> {
  const { client, printer, flags } = run
  if (flags.safety === false && run.server) {
    throw new UsageError('--no-safety is for an installation whose server is stopped.')
  }
  const loss = await lossOf(client, name, flags)
  if (loss) printer.result('loss', loss, lossText(loss))
  if (loss?.obstacle) {
    printer.problem({ ...loss.obstacle, reasons: [] })
    return EXIT.refused
  }
  await confirm(run, `Restore ${name}; what is newer is gone, and everybody is signed out`, name)
  return ended(run, await client.restore(name, flags.safety !== false))
}

/** Undefined where nobody can tell: without a safety backup the stores need not be readable. */
async function lossOf(
  client: BackupClient,
  name: string,
  flags: BackupFlags,
): Promise<BackupLoss | undefined> {
  if (flags.safety === false) return undefined
  return client.loss(name)
}

async function fetchFile(name: string, { server, client, printer, flags, signal }: Run): Promise<number> {
  if (!server) {
    const { folder } = await client.list()
    throw new UsageError(`No server runs: the file is ${folder}/${name}.`)
  }
  const path = flags.output ?? name
  await download(server, name, path, signal)
  const { backup } = await client.show(name)
  printer.result('downloaded', { name, path }, `${path}, ${size(backup.bytes)}`)
  return EXIT.done
}

/** @throws UsageError when nobody can be asked or the answer is no. */
async function confirm({ flags }: Run, what: string, word: string): Promise<void> {
  if (flags.yes) return
  if (!process.stdin.isTTY) throw new UsageError(`${what}: say --yes to mean it.`)
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await reader.question(`${what}.\nType ${word} to go on: `)
    if (answer.trim() !== word) throw new UsageError('Nothing was changed.')
  } finally {
    reader.close()
  }
}
