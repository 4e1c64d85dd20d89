import type { AlignedChart, ChartSeries } from './chart-data.ts'

export type CsvCell = string | number | null

/**
 * RFC 4180 text. A cell of text that a spreadsheet would run as a formula (it begins with = + - @, tab or return)
 * gets an apostrophe in front: names of containers and devices are not ours.
 */
export function toCsv(header: readonly string[], rows: readonly (readonly CsvCell[])[]): string {
  return `${[header, ...rows].map((row) => row.map(csvCell).join(',')).join('\r\n')}\r\n`
}

function csvCell(cell: CsvCell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** One row per time; a column per line, followed by its minimum and maximum where there are any. Times in UTC. */
export function chartToCsv(series: readonly ChartSeries[], chart: AlignedChart): string {
  const header = ['time']
  series.forEach((line, index) => {
    header.push(line.label)
    if (chart.columns[index]?.min) header.push(`${line.label} min`)
    if (chart.columns[index]?.max) header.push(`${line.label} max`)
  })
  const rows = chart.times.map((time, index) => {
    const row: CsvCell[] = [new Date(time).toISOString()]
    for (const column of chart.columns) {
      row.push(column.mean[index] ?? null)
      if (column.min) row.push(column.min[index] ?? null)
      if (column.max) row.push(column.max[index] ?? null)
    }
    return row
  })
  return toCsv(header, rows)
}
