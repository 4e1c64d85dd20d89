import type { Domain } from '../db/domains.ts'
import type { Placement } from '../db/placement-store.ts'
import type { Reject } from '../db/transfer/index.ts'

/** One table: `source` = `adopted` + `present` + `kept` + `quarantined`. */
export interface TableReport {
  readonly table: string
  readonly domain: Domain
  readonly placement: Placement
  readonly source: number
  readonly adopted: number
  /** Were there already, the same. */
  readonly present: number
  /** Were there already with other values, which stay as they are. */
  readonly kept: number
  /** The first of those: key and columns that differ. */
  readonly keptRows: readonly { readonly key: string; readonly columns: readonly string[] }[]
  readonly quarantined: number
  /** Changes on the way that every reader of the report should know of, with the number of rows. */
  readonly changes: Readonly<Record<string, number>>
  /** Rows of this version that the user of the older dashboard had deleted there. */
  readonly removedSeeds: readonly string[]
  /** Of the rows that were adopted or present: as they were read, and as they are in the target. They are equal. */
  readonly digest: { readonly source: string; readonly target: string }
}

export interface AdoptReport {
  readonly file: {
    readonly path: string
    readonly bytes: number
    /** Newest migration, by its present name. */
    readonly version: string
    /** Migrations of the newest version that the file does not have. */
    readonly missingMigrations: number
    /** Migrations known under their names from before the renumbering. */
    readonly formerNames: number
  }
  readonly dryRun: boolean
  readonly startedAt: string
  readonly durationMs: number
  readonly tables: readonly TableReport[]
  /** Tables and columns that have no place here. */
  readonly leftBehind: readonly { readonly name: string; readonly rows: number; readonly reason: string }[]
  readonly quarantine: {
    readonly rows: number
    /** File or table; null when nothing is in it, or it was a trial. */
    readonly place: string | null
    readonly examples: readonly Omit<Reject, 'row'>[]
  }
  readonly notes: readonly string[]
}

const number = (value: number) => value.toLocaleString('en')
const rowsText = (rows: number) => `${number(rows)} ${rows === 1 ? 'row' : 'rows'}`

/** The report for people. */
export function reportText(report: AdoptReport): string {
  const { file, tables, leftBehind, quarantine, notes } = report
  const seconds = (report.durationMs / 1000).toFixed(1)
  const places = [...new Set(tables.map((table) => table.placement))].join(' and ')
  const version =
    file.missingMigrations === 0 ? 'its last version' : `${file.missingMigrations} migrations before the last`
  return [
    `${report.dryRun ? 'Would adopt' : 'Adopted'} ${file.path} (${file.version}, ${version}) into ${places || 'nothing'} in ${seconds} s.`,
    '',
    ...tableLines(tables),
    ...section('Changed on the way', [
      ...tables.flatMap((table) =>
        Object.entries(table.changes).map(
          ([change, rows]) => `${table.table}: ${change} (${rowsText(rows)})`,
        ),
      ),
      ...tables.flatMap(({ table, removedSeeds }) =>
        removedSeeds.length === 0
          ? []
          : [`${table}: not brought back, because they had been deleted: ${removedSeeds.join(', ')}`],
      ),
    ]),
    ...section(
      'Kept as the installation has them',
      tables.flatMap(({ table, kept, keptRows }) =>
        kept === 0
          ? []
          : [`${table}: ${rowsText(kept)}, such as ${keptRows.slice(0, 3).map(keptText).join('; ')}`],
      ),
    ),
    ...section(
      'Left behind',
      leftBehind.map(({ name, rows, reason }) => `${name} (${rowsText(rows)}): ${reason}`),
    ),
    ...section(
      quarantine.rows === 0
        ? 'Quarantine'
        : `Quarantine: ${rowsText(quarantine.rows)} without a place${quarantine.place ? `, kept in ${quarantine.place}` : ''}`,
      quarantine.examples.map(
        ({ table, key, message, suggestion }) => `${table} ${key}: ${message}. ${suggestion}`,
      ),
    ),
    ...section('To know', notes),
    report.dryRun ? '\nNothing was changed: this was a trial.' : '',
  ].join('\n')
}

const keptText = ({ key, columns }: { key: string; columns: readonly string[] }) =>
  `${key} (${columns.join(', ')})`

function tableLines(tables: readonly TableReport[]): string[] {
  const head = ['table', 'source', 'adopted', 'present', 'kept', 'quarantined', 'digest of source and target']
  const rows = tables.map((table) => [
    table.table,
    ...[table.source, table.adopted, table.present, table.kept, table.quarantined].map(number),
    table.digest.source === table.digest.target
      ? `${table.digest.source.slice(0, 16)} equal`
      : `${table.digest.source.slice(0, 16)} and ${table.digest.target.slice(0, 16)} differ`,
  ])
  const widths = head.map((text, column) =>
    Math.max(text.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  return [head, ...rows].map((row) =>
    row
      .map((text, column) =>
        column === 0 || column === head.length - 1
          ? text.padEnd(widths[column] ?? 0)
          : text.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  - ${line}`)]
}
