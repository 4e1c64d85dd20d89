import { counted } from '../../core/counted.ts'
import type { MovePlan, QuarantinedRow, Rehearsal, StorageUnit } from '../../moves/moves.schema.ts'

const STORES = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const
export const PHASES = { 1: 'high write', 2: 'core', 3: 'features', 4: 'telemetry' } as const
const BAR_WIDTH = 20
const HELD_LENGTH = 200

export const count = (value: number) => Math.round(value).toLocaleString('en')

/** Three digits at most, in binary units. */
export function size(bytes: number): string {
  let value = bytes
  let unit = 'B'
  for (const larger of ['KiB', 'MiB', 'GiB', 'TiB']) {
    if (value < 999.5) break
    value /= 1024
    unit = larger
  }
  return `${value < 9.995 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`
}

/** `4 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 1) return `${Math.round(seconds * 1000)} ms`
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

const sum = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
}

/** Where the truth is and which way the mirror runs. */
export function flow({ placement, mirror }: StorageUnit): string {
  if (placement === null) return 'undecided'
  return mirror === null ? STORES[placement] : `${STORES[placement]} ──▶ ${STORES[mirror]}`
}

/** What is under way, in a few words. */
export function situation(unit: StorageUnit): string {
  const { progress, lag, verify, quarantine, throttle, shadow } = unit
  const parts: string[] = []
  if (unit.paused) parts.push('paused')
  if (progress) parts.push(progressWords(progress))
  else if (unit.state === 'fenced') parts.push('changing its store')
  else if (unit.mirror !== null) parts.push(unit.state === 'copying' ? 'copying' : 'mirrored')
  if (unit.archived) parts.push('finished, archive not purged')
  if (lag && unit.mirror !== null) parts.push(`lag ${duration(lag.seconds)}${waiting(lag)}`)
  if (verify?.running) parts.push('verifying')
  else if (verify?.at) parts.push(verify.clean ? 'verified' : counted(verify.differences, 'difference'))
  if (shadow !== null) parts.push(...shadowWords(shadow))
  if (unit.lastFlip?.confirmed === false) parts.push('the old store does not know of the flip yet')
  if (quarantine.open > 0) parts.push(`${count(quarantine.open)} in quarantine`)
  if (throttle !== null) parts.push(`slowed down: ${throttle}`)
  return parts.join(' · ')
}

/** How much waits is of interest where it is not gone in a moment. */
const waiting = ({ seconds, changes }: NonNullable<StorageUnit['lag']>) =>
  seconds < 1 ? '' : `, ${counted(changes, 'change')}`

function shadowWords({ share, compared, mismatches }: NonNullable<StorageUnit['shadow']>): string[] {
  if (share === 0) return []
  const found =
    mismatches === 0 ? `${count(compared)} equal` : `${count(mismatches)} of ${count(compared)} differ`
  return [`shadow reads ${share} %: ${found}`]
}

/** How the shadow reads of a unit went, with every statement that was answered otherwise. */
export function shadowText({ unit, shadow }: StorageUnit): string {
  if (shadow === null) return `${unit}: no complete mirror`
  const { share, compared, mismatches, undecided, left, p95Ms, statements } = shadow
  const time = (ms: number | null) => (ms === null ? 'not known' : `${ms} ms`)
  const lines = [
    `${unit}: ${share} % of the reads, ${count(compared)} compared, ${count(mismatches)} answered otherwise, ` +
      `${count(undecided)} undecided, ${count(left)} left out`,
  ]
  if (compared > 0)
    lines.push(`  95 of 100 within: ${time(p95Ms.source)}, on the mirror ${time(p95Ms.mirror)}`)
  for (const { statement, kind, columns, sourceRows, mirrorRows, count: times } of statements) {
    const how = kind === 'fails' ? 'fails' : `${sourceRows} and ${counted(mirrorRows, 'row')}`
    lines.push(`  ! ${counted(times, 'time')}, ${[how, ...columns].join(', ')}: ${statement}`)
  }
  return lines.join('\n')
}

function progressWords(progress: NonNullable<StorageUnit['progress']>): string {
  const { copiedRows, totalRows, rowsPerSecond, etaSeconds } = progress
  const eta = etaSeconds === null ? '' : ` · ${duration(etaSeconds)} left`
  return `${count(copiedRows)} of ${counted(totalRows, 'row')} · ${count(rowsPerSecond)}/s${eta}`
}

/** One line of how far a copy or verify is. */
export function progressLine(unit: StorageUnit, bar: boolean): string {
  const { progress, throttle } = unit
  const held = throttle === null ? '' : ` · slowed down: ${throttle}`
  if (!progress) return `${unit.unit}: ${situation(unit) || 'starting'}`
  const ratio = progress.totalRows === 0 ? 1 : Math.min(1, progress.copiedRows / progress.totalRows)
  const filled = Math.round(ratio * BAR_WIDTH)
  const drawn = bar ? `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ` : ''
  return `${unit.unit}: ${drawn}${Math.floor(ratio * 100)} % · ${progressWords(progress)}${held}`
}

/** Columns as wide as their widest cell; the last one is left as it is. */
function table(rows: readonly (readonly string[])[], indent = '  '): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows.map((row) =>
    `${indent}${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  ')}`.trimEnd(),
  )
}

/** Every unit in a line, by phase. */
export function statusText(units: readonly StorageUnit[]): string {
  const phases = [...new Set(units.map((unit) => unit.phase))].toSorted((a, b) => a - b)
  const rowsOf = (unit: StorageUnit) => {
    const rows = sum(unit.tables.map((each) => each.rows))
    const bytes = sum(unit.tables.map((each) => each.bytes))
    return [rows === null ? '' : counted(rows, 'row'), bytes === null ? '' : size(bytes)]
  }
  const name = ({ unit, domains }: StorageUnit) =>
    domains.length === 1 ? unit : `${unit} and ${domains.length - 1} more`
  const lines = table(
    units.map((unit) => [name(unit), flow(unit), `epoch ${unit.epoch}`, ...rowsOf(unit), situation(unit)]),
  )
  return phases
    .flatMap((phase) => [
      `Phase ${phase}, ${PHASES[phase]}`,
      ...units.flatMap((unit, i) =>
        unit.phase !== phase ? [] : [lines[i] ?? '', ...(unit.error === null ? [] : [`    ! ${unit.error}`])],
      ),
    ])
    .join('\n')
}

/** What a move would take and find. */
export function planText(plan: MovePlan): string {
  const units = plan.units.flatMap((unit) => [
    `${unit.domains.join(' + ')}: ${STORES[unit.from]} to ${STORES[unit.to]}, phase ${unit.phase}`,
    ...(unit.tie === null ? [] : [`  move together: ${unit.tie}`]),
    ...table(unit.tables.map((each) => [each.table, counted(each.rows, 'row'), size(each.bytes)])),
    ...unit.tables.flatMap((each) =>
      each.forecast.map(
        ({ column, reason, rows, examples, suggestion }) =>
          `  ! ${each.table}${column === null ? '' : `.${column}`}: ${counted(rows, 'row')} to quarantine (${reason}), e.g. ${examples.join(', ')}. ${suggestion}`,
      ),
    ),
    `  about ${duration(unit.estimatedSeconds)}, ${size(unit.estimatedBytes)} of disk`,
    ...unit.obstacles.map((obstacle) => `  ✗ ${obstacle}`),
  ])
  const seconds = plan.units.reduce((total, unit) => total + unit.estimatedSeconds, 0)
  const bytes = plan.units.reduce((total, unit) => total + unit.estimatedBytes, 0)
  const free = plan.freeBytes === null ? '' : `, ${size(plan.freeBytes)} are free`
  return [...units, `In all about ${duration(seconds)} and ${size(bytes)} of disk${free}.`].join('\n')
}

export function rehearsalText({ unit, seconds, rows, tables, differences }: Rehearsal): string {
  const lines = table(
    tables.map((each) => [
      each.table,
      `${count(each.sourceRows)} = ${count(each.targetRows)} + ${count(each.quarantined)} in quarantine`,
      each.equal ? `equal (${each.digest.slice(0, 12)})` : 'DIFFERS',
    ]),
  )
  const verdict = differences === 0 ? 'every row equal' : counted(differences, 'difference')
  return [`${unit}: rehearsed ${counted(rows, 'row')} in ${duration(seconds)}, ${verdict}`, ...lines].join(
    '\n',
  )
}

/** The value that is refused; bytes that are no text in hex, by twos. */
function heldText(held: QuarantinedRow['row'][string] | undefined): string[] {
  if (!held || held.text === null) return []
  const isBytes = held.hex === true || held.class === 'blob'
  const shown = isBytes ? (held.text.match(/../g) ?? []).join(' ') : JSON.stringify(held.text)
  const cut = shown.length > HELD_LENGTH ? `${shown.slice(0, HELD_LENGTH)}…` : shown
  return [`  ${isBytes ? `${held.class}, bytes` : held.class}: ${cut}`]
}

export function quarantineText(rows: readonly QuarantinedRow[]): string {
  return rows
    .flatMap(({ unit, table: name, key, column, row, message, suggestion, state, acknowledgedBy }) => [
      `${unit} ${name} ${key}${state === 'open' ? '' : `, accepted${acknowledgedBy ? ` by ${acknowledgedBy}` : ''}`}`,
      `  ${column === null ? '' : `${column}: `}${message}`,
      ...(column === null ? [] : heldText(row[column])),
      `  ${suggestion}`,
    ])
    .join('\n')
}
