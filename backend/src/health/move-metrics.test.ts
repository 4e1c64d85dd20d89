import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { Tally } from '../core/tally.ts'
import { createMoveMetrics, type MoveFigures } from './move-metrics.ts'

const tallyOf = (...values: number[]) => {
  const tally = new Tally([5, 50, 300])
  for (const value of values) tally.add(value)
  return tally.figures()
}

const figures = (unit: string, rowsCopied: number): MoveFigures => ({
  units: [
    {
      unit,
      queueDepth: 12,
      lagSeconds: 0.25,
      rowsCopied,
      rowsApplied: 7,
      writes: { sqlite: 40, postgres: 2 },
      writeFailures: { sqlite: 0, postgres: 1 },
      differences: 3,
      quarantined: 4,
      throttleSeconds: 1.5,
      shadow: {
        compared: 9,
        mismatches: 2,
        undecided: 1,
        left: 6,
        latency: { source: tallyOf(2, 30), mirror: tallyOf(3, 3, 1_000) },
      },
    },
  ],
  pauses: tallyOf(38, 120),
  abortedFlips: 1,
})

it('shows what the engine counted, also when it is read twice', async () => {
  const registry = new Registry()
  const update = createMoveMetrics(registry)
  update(figures('traces', 100))
  const histograms = update(figures('traces', 300))
  const text = (await registry.metrics()) + histograms
  for (const line of [
    'holdfast_move_queue_depth{unit="traces"} 12',
    'holdfast_move_lag_seconds{unit="traces"} 0.25',
    'holdfast_move_rows_copied_total{unit="traces"} 300',
    'holdfast_move_rows_applied_total{unit="traces"} 7',
    'holdfast_move_differences{unit="traces"} 3',
    'holdfast_move_quarantined_rows{unit="traces"} 4',
    'holdfast_move_throttle_seconds_total{unit="traces"} 1.5',
    'holdfast_store_writes_total{unit="traces",store="sqlite"} 40',
    'holdfast_store_write_failures_total{unit="traces",store="postgres"} 1',
    'holdfast_move_pause_seconds_bucket{le="0.05"} 1',
    'holdfast_move_pause_seconds_bucket{le="0.3"} 2',
    'holdfast_move_pause_seconds_bucket{le="+Inf"} 2',
    'holdfast_move_pause_seconds_sum 0.158',
    'holdfast_move_pause_seconds_count 2',
    '# TYPE holdfast_move_pause_seconds histogram',
    'holdfast_shadow_reads_total{unit="traces"} 9',
    'holdfast_shadow_mismatches_total{unit="traces"} 2',
    'holdfast_shadow_uncompared_total{unit="traces",reason="left"} 6',
    'holdfast_shadow_uncompared_total{unit="traces",reason="undecided"} 1',
    'holdfast_shadow_read_seconds_bucket{unit="traces",side="source",le="0.05"} 2',
    'holdfast_shadow_read_seconds_bucket{unit="traces",side="mirror",le="0.3"} 2',
    'holdfast_shadow_read_seconds_count{unit="traces",side="mirror"} 3',
    'holdfast_move_aborted_flips_total 1',
  ])
    expect(text.split('\n')).toContain(line)
})

it('forgets a unit that is no longer there', async () => {
  const registry = new Registry()
  const update = createMoveMetrics(registry)
  update(figures('traces', 100))
  update(figures('audit', 100))
  expect(await registry.metrics()).not.toContain('unit="traces"')
})
