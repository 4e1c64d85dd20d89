import { counted } from '../../core/counted.ts'
import type { StorageArchive } from '../../moves/archive.schema.ts'
import type { StorageFlags } from '../storage.ts'
import { confirm } from './confirm.ts'
import { EXIT, type Moves, UsageError } from './moves.ts'
import type { Printer } from './printer.ts'
import { size } from './text.ts'

const ACTOR = { name: 'cli' }

export interface ArchiveFlags extends Pick<StorageFlags, 'json' | 'yes' | 'url' | 'token'> {
  readonly list?: true
  /** Name of an archived file. */
  readonly delete?: string
}

/** `holdfast storage archive`: puts the SQLite file away, or lists and deletes those that were. */
export function runArchive(moves: Moves, printer: Printer, flags: ArchiveFlags): Promise<number> {
  if (flags.list && flags.delete !== undefined) throw new UsageError('Give --list or --delete, not both.')
  if (flags.list) return list(moves, printer)
  return flags.delete === undefined
    ? archive(moves, printer, flags)
    : remove(moves, printer, flags.delete, flags)
}

async function archive({ archive: service }: Moves, printer: Printer, flags: ArchiveFlags): Promise<number> {
  const { possible } = await service.list()
  // Nobody is asked about what is refused anyway.
  if (possible && !flags.yes) {
    const question = 'The SQLite file is closed and put away; going back is a move of its own.'
    await confirm({ word: 'archive', question, unasked: `${question} Say --yes to mean it.` })
  }
  if (possible) printer.say('Reading every table of the SQLite file, then putting it away')
  const archived = await service.run(ACTOR)
  printer.result('archived', { archive: archived }, archivedText(archived))
  return EXIT.done
}

async function list({ archive: service }: Moves, printer: Printer): Promise<number> {
  const { possible, reasons, file, items } = await service.list()
  printer.result('archive', { possible, reasons, file }, stateText(file?.path, reasons))
  for (const item of items) printer.result('file', { archive: item }, archivedText(item))
  return EXIT.done
}

async function remove(
  { archive: service }: Moves,
  printer: Printer,
  name: string,
  flags: ArchiveFlags,
): Promise<number> {
  if (!flags.yes) {
    const question = `The archived file ${name} is deleted for good.`
    await confirm({ word: 'delete', question, unasked: `${question} Say --yes to mean it.` })
  }
  const deleted = await service.remove(name, ACTOR)
  printer.result('deleted', { archive: deleted }, `${name}: deleted; what was in it stays known`)
  return EXIT.done
}

function stateText(path: string | undefined, reasons: readonly string[]): string {
  if (path === undefined) return 'No SQLite file is in use.'
  if (reasons.length === 0) return `${path} can be archived.`
  return [`${path} cannot be archived yet:`, ...reasons.map((reason) => `  ${reason}`)].join('\n')
}

function archivedText({ path, sizeBytes, sha256, tables, deletedAt }: StorageArchive): string {
  const rows = tables.reduce((total, table) => total + table.rows, 0)
  const gone = deletedAt === null ? '' : `, deleted ${deletedAt.slice(0, 10)}`
  return `${path}: ${size(sizeBytes)}, ${counted(rows, 'row')} in ${counted(tables.length, 'table')}${gone}\n  SHA-256 ${sha256}`
}
