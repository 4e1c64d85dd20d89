/**
 * Unit of a metric, from how its name ends: `cpu.percent`, `memory.used.bytes`, `net.rx.bytes_per_second`.
 * Names that end otherwise (`load.1`) are plain numbers and have none.
 */
export function unitOf(metric: string): string {
  const last = metric.slice(metric.lastIndexOf('.') + 1)
  return UNITS.has(last) ? last : ''
}

const UNITS = new Set(['percent', 'bytes', 'bytes_per_second', 'celsius', 'count', 'seconds'])

/** Decimals that a chart of many series can show: whole bytes, and a ten-thousandth of anything else. */
export function decimalsOf(metric: string): number {
  return unitOf(metric).startsWith('bytes') ? 0 : 4
}
