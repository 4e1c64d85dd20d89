// Loaded into the product by a benchmark: reports how late its event loop was, when asked over the IPC channel.
import { monitorEventLoopDelay } from 'node:perf_hooks'

// The histogram holds the whole distance of two ticks; what is above the resolution is the delay.
const RESOLUTION_MS = 5
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
histogram.enable()
const delayMs = (ns) => Math.max(0, ns / 1e6 - RESOLUTION_MS)

process.on('message', (message) => {
  if (message !== 'loop') return
  process.send({
    p50Ms: delayMs(histogram.percentile(50)),
    p99Ms: delayMs(histogram.percentile(99)),
    maxMs: delayMs(histogram.max),
  })
  histogram.reset()
})
// The channel alone must not keep the product running.
process.channel?.unref()
