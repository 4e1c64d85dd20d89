import type { ImportedPoint, MetricsImport, SeriesKey } from '../metrics/index.ts'
import { snapshotAt } from './lifecycle.ts'
import { unit } from './random.ts'
import { cpuSeconds, ioBytes, memoryOf, processCount } from './usage.ts'
import type { Host, Slot } from './world.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** How often the product samples unless told otherwise: what a bucket's count is made from. */
const SAMPLE_MS = 10 * SECOND

/** How far back each resolution reaches: as far as a chart that would choose it. */
const LEVELS = [
  { level: 'raw', stepMs: SAMPLE_MS, reachMs: HOUR },
  { level: '1m', stepMs: MINUTE, reachMs: 6 * HOUR + 10 * MINUTE },
  { level: '5m', stepMs: 5 * MINUTE, reachMs: 25 * HOUR },
  { level: '1h', stepMs: HOUR, reachMs: Number.POSITIVE_INFINITY },
  { level: '1d', stepMs: DAY, reachMs: Number.POSITIVE_INFINITY },
] as const
const CHUNK_POINTS = 40_000

const METRICS = [
  'cpu.percent',
  'memory.used.bytes',
  'memory.limit.bytes',
  'memory.percent',
  'net.rx.bytes_per_second',
  'net.tx.bytes_per_second',
  'block.read.bytes_per_second',
  'block.write.bytes_per_second',
  'pids.count',
] as const

/** How much the samples of a bucket differ from its mean, as a share of it. */
const SPREAD = [0.14, 0.015, 0, 0.015, 0.16, 0.16, 0.2, 0.2, 0.05] as const

/** Means of {@link METRICS} over a stretch in which the container ran; undefined where it did not. */
function meansOver(host: Host, slot: Slot, fromMs: number, toMs: number): number[] | undefined {
  const middle = (fromMs + toMs) / 2
  const snapshot = snapshotAt(slot, Math.round(middle))
  if (snapshot.state !== 'running') return undefined
  const seconds = (toMs - fromMs) / 1000
  const memory = memoryOf(host, slot, snapshot, middle)
  const [rx, tx, read, write] = ioBytes(slot, fromMs, toMs)
  return [
    (cpuSeconds(slot, fromMs, toMs) / seconds) * 100,
    memory.workingBytes,
    memory.limitBytes,
    (memory.workingBytes / memory.limitBytes) * 100,
    rx / seconds,
    tx / seconds,
    read / seconds,
    write / seconds,
    processCount(slot, middle),
  ]
}

/** All points of one container at one resolution, from the oldest to the last bucket that has ended. */
function pointsOf(
  host: Host,
  slot: Slot,
  ids: readonly number[],
  { fromMs, nowMs, stepMs }: { fromMs: number; nowMs: number; stepMs: number },
): ImportedPoint[] {
  const points: ImportedPoint[] = []
  const last = Math.floor(nowMs / stepMs) * stepMs
  for (let at = Math.ceil(fromMs / stepMs) * stepMs; at < last; at += stepMs) {
    const means = meansOver(host, slot, at, at + stepMs)
    if (means === undefined) continue
    const sample = stepMs === SAMPLE_MS
    means.forEach((mean, i) => {
      const spread = sample ? 0 : (SPREAD[i] ?? 0) * (0.7 + 0.6 * unit(slot.seed + i, at / stepMs))
      points.push({
        seriesId: ids[i] ?? 0,
        timeMs: at,
        mean,
        min: mean * (1 - spread),
        max: mean * (1 + spread),
        count: Math.max(1, Math.round(stepMs / SAMPLE_MS)),
      })
    })
  }
  return points
}

/** A host, the endpoint that it is in the product, and since when (epoch ms) nothing was measured there. */
export interface Unmeasured {
  readonly host: Host
  readonly endpointId: number
  readonly fromMs: number
}

/**
 * Writes what the product would have measured, had it been running: samples of the last hour, finer rollups as far
 * back as charts look at them, and hours and days for the whole time. Buckets that are there stay.
 *
 * @returns rows made.
 */
export async function writeHistory(
  target: MetricsImport,
  hosts: readonly Unmeasured[],
  nowMs: number,
): Promise<number> {
  const earliest = Math.min(...hosts.map(({ fromMs }) => fromMs))
  let rows = 0
  await target.prepare(earliest - DAY, nowMs)
  for (const { host, endpointId, fromMs } of hosts) {
    const keys = host.slots.flatMap((slot) =>
      METRICS.map(
        (metric): SeriesKey => ({ endpointId, subject: 'container', name: slot.name, metric, instance: '' }),
      ),
    )
    const ids = await target.series(keys)
    const idsOf = (index: number) => ids.slice(index * METRICS.length, (index + 1) * METRICS.length)
    for (const { level, stepMs, reachMs } of LEVELS) {
      const range = { fromMs: Math.max(fromMs, nowMs - reachMs), nowMs, stepMs }
      // In the order of the tables' keys: each page is written once. Some containers at a time: a year of
      // hours of all of them would not fit into memory.
      const perContainer = ((nowMs - range.fromMs) / stepMs) * METRICS.length
      const width = Math.max(1, Math.floor(CHUNK_POINTS / perContainer))
      for (let first = 0; first < host.slots.length; first += width) {
        const points = host.slots
          .slice(first, first + width)
          .flatMap((slot, i) => pointsOf(host, slot, idsOf(first + i), range))
        points.sort((a, b) => a.seriesId - b.seriesId || a.timeMs - b.timeMs)
        await (level === 'raw' ? target.samples(points) : target.buckets(level, points))
        rows += points.length
      }
    }
  }
  await target.finish(earliest, nowMs)
  return rows
}
