import { readFileSync } from 'node:fs'
import type { AppDb } from '../db/app-db.ts'
import { isOwnTable } from '../db/domains.ts'
import { describeSchema } from '../db/live-schema.ts'
import { listSavedIndexes } from '../db/transfer/ledger.ts'

/** One part of a table that is not as the migrations make it. */
export interface Drift {
  readonly table: string
  readonly kind: 'table' | 'column' | 'constraint' | 'index' | 'trigger'
  readonly state: 'missing' | 'changed' | 'extra'
  /** As the migrations make it; as it is found for what is extra. */
  readonly text: string
  readonly found?: string
}

type Tables = ReadonlyMap<string, readonly string[]>

/**
 * How the tables of a database differ from those that the migrations make. With TimescaleDB a table may be as either
 * kind of server makes it. Triggers of moves, tables of the product's own and what a copy has put
 * aside for its time are left out. Reads the catalog alone.
 */
export async function findDrift(db: AppDb): Promise<Drift[]> {
  const live: Tables = new Map((await describeSchema(db)).map(({ model, lines }) => [model.name, lines]))
  const references = (
    db.dialect === 'sqlite' ? (['sqlite'] as const) : (['postgres', 'timescale'] as const)
  ).map(readReference)
  const expected = new Set(references.flatMap((tables) => [...tables.keys()]))
  const views = db.dialect === 'sqlite' ? new Set<string>() : await readViews(db)
  const copied = db.dialect === 'sqlite' ? [] : await listSavedIndexes(db)
  const isPutAside = ({ table, kind, state }: Drift) =>
    state === 'missing' && kind !== 'column' && copied.some((each) => each.table === table)
  const drift = [...expected].flatMap((table): Drift[] => {
    const lines = live.get(table)
    // A continuous aggregate stands for the table.
    if (!lines) return views.has(table) ? [] : [{ table, kind: 'table', state: 'missing', text: table }]
    const candidates = references.flatMap((tables) => {
      const wanted = tables.get(table)
      return wanted ? [compare(table, wanted, lines)] : []
    })
    return (candidates.toSorted((a, b) => a.length - b.length)[0] ?? []).filter((each) => !isPutAside(each))
  })
  const extra = [...live.keys()].filter((table) => !expected.has(table) && !isOwnTable(table))
  return [...drift, ...extra.map((table) => ({ table, kind: 'table', state: 'extra', text: table }) as const)]
}

/** A dump that the schema tests keep equal to what the migrations make. */
function readReference(kind: 'sqlite' | 'postgres' | 'timescale'): Tables {
  const text = readFileSync(new URL(`../db/schema.${kind}.txt`, import.meta.url), 'utf8')
  return new Map(
    text
      .split(/\n\n+/)
      .filter((part) => part.startsWith('TABLE '))
      .map((part) => {
        const [head = '', ...lines] = part.trimEnd().split('\n')
        return [head.slice('TABLE '.length), lines.map((line) => line.trim())] as const
      }),
  )
}

function compare(table: string, wanted: readonly string[], live: readonly string[]): Drift[] {
  const isOfMoves = (line: string) => /^CREATE TRIGGER "?_(capture|guard)_/i.test(line)
  // Said by another check; the constraint is there.
  const plain = (line: string) => line.replace(/ NOT VALID$/, '')
  const found = new Map(
    live.filter((line) => !isOfMoves(line)).map((line) => [partOf(plain(line)), plain(line)]),
  )
  const drift: Drift[] = []
  for (const text of wanted) {
    const part = partOf(text)
    const there = found.get(part)
    found.delete(part)
    if (there === text) continue
    const kind = kindOf(text)
    if (there === undefined) drift.push({ table, kind, state: 'missing', text })
    else drift.push({ table, kind, state: 'changed', text, found: there })
  }
  return [
    ...drift,
    ...[...found.values()].map((text) => ({ table, kind: kindOf(text), state: 'extra', text }) as const),
  ]
}

function kindOf(line: string): Drift['kind'] {
  if (/^CREATE (UNIQUE )?INDEX /i.test(line)) return 'index'
  if (/^CREATE TRIGGER /i.test(line)) return 'trigger'
  if (/^(PRIMARY KEY|UNIQUE|CHECK|FOREIGN KEY|PARTITION BY|WITHOUT ROWID)\b/.test(line)) return 'constraint'
  return 'column'
}

/** What a line is about: an index and a column have a name, a constraint is known by what it says. */
function partOf(line: string): string {
  const kind = kindOf(line)
  const name =
    kind === 'index' || kind === 'trigger'
      ? /^CREATE (?:UNIQUE )?(?:INDEX|TRIGGER) (?:IF NOT EXISTS )?(\S+)/i.exec(line)?.[1]
      : kind === 'column'
        ? line.split(' ')[0]
        : line
  return `${kind} ${name ?? line}`
}

async function readViews(db: AppDb): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ name: string }>(`
    SELECT c.relname AS name
    FROM pg_class AS c
    WHERE c.relnamespace = current_schema()::REGNAMESPACE AND c.relkind IN ('v', 'm')
    ORDER BY c.relname
    LIMIT 1000
  `)
  return new Set(rows.map(({ name }) => name))
}
