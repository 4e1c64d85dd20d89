import { mix, unit } from './random.ts'

const DAY = 86_400
const WEEK = 7 * DAY

/** Waves count seconds from here: small numbers keep the integrals precise. */
const WAVE_EPOCH_MS = Date.UTC(2024, 0, 1)

export interface WaveOptions {
  /** Mean of the rate, per second, pulses not counted. */
  mean: number
  /** Share of the mean that follows the day, 0–0.45: above that the rate could turn negative. */
  daily?: number
  /** Hour (UTC) of the daily peak. */
  peakHour?: number
  /** Short bursts: `height` is added to the rate for `lengthSeconds` of each `everySeconds`. */
  pulse?: { everySeconds: number; lengthSeconds: number; height: number } | undefined
}

interface Sine {
  amplitude: number
  omega: number
  phase: number
}

/** Periods (seconds) and shares of the mean of the slow wander that is not tied to the clock. */
const WANDER: readonly (readonly [number, number])[] = [
  [11_300, 0.06],
  [3_170, 0.05],
  [1_010, 0.04],
  [290, 0.03],
]

/** Cell lengths (seconds) and shares of the mean of the noise that is redrawn in every cell. */
const NOISE: readonly (readonly [number, number])[] = [
  [2, 0.08],
  [12, 0.05],
  [90, 0.03],
]

/**
 * A load that has both a rate and its exact integral at any instant, in constant time.
 *
 * Counters of an engine (CPU time, bytes) are integrals since the container started; keeping the
 * integral in closed form is what lets thousands of containers cost nothing until one is read.
 * The rate is always positive, so the counters never run backwards.
 */
export class Wave {
  readonly mean: number
  private readonly sines: readonly Sine[]
  private readonly pulse: NonNullable<WaveOptions['pulse']> | undefined
  private readonly pulseOffset: number
  private readonly noiseSeeds: readonly number[]

  constructor(seed: number, options: WaveOptions) {
    const { mean, daily = 0, peakHour = 14, pulse } = options
    this.mean = mean
    const toPeak = (period: number, peak: number) => Math.PI / 2 - (2 * Math.PI * peak) / period
    const sines: Sine[] = []
    const add = (period: number, share: number, phase: number) =>
      sines.push({ amplitude: mean * share, omega: (2 * Math.PI) / period, phase })
    if (daily > 0) {
      add(DAY, daily, toPeak(DAY, peakHour * 3600))
      // 2024-01-01 is a Monday: the week peaks on its Wednesday.
      add(WEEK, daily / 4, toPeak(WEEK, 2.5 * DAY))
      add(DAY / 2, daily / 5, toPeak(DAY / 2, peakHour * 3600 - 5400))
    }
    WANDER.forEach(([period, share], i) => {
      add(period * (0.9 + 0.2 * unit(seed, i)), share, 2 * Math.PI * unit(seed, i + 50))
    })
    this.sines = sines
    this.pulse = pulse
    this.pulseOffset = pulse ? unit(seed, 99) * pulse.everySeconds : 0
    this.noiseSeeds = NOISE.map((_, i) => mix(seed, 200 + i))
  }

  /** Units accumulated from the wave's epoch to `timeMs`. Only differences mean something. */
  integral(timeMs: number): number {
    const t = (timeMs - WAVE_EPOCH_MS) / 1000
    let sum = this.mean * t
    for (const { amplitude, omega, phase } of this.sines) {
      sum -= (amplitude / omega) * Math.cos(omega * t + phase)
    }
    for (let i = 0; i < NOISE.length; i++) {
      const [cell, share] = NOISE[i] ?? [1, 0]
      const at = t / cell
      const index = Math.floor(at)
      const seed = this.noiseSeeds[i] ?? 0
      const left = unit(seed, index)
      // Interpolated linearly, so the rate within a cell is constant and at most `share` off the mean.
      sum += this.mean * share * cell * (left + (unit(seed, index + 1) - left) * (at - index))
    }
    if (this.pulse) {
      const { everySeconds, lengthSeconds, height } = this.pulse
      const since = t + this.pulseOffset
      const cycles = Math.floor(since / everySeconds)
      sum += height * (cycles * lengthSeconds + Math.min(lengthSeconds, since - cycles * everySeconds))
    }
    return sum
  }

  /** Units gathered between two instants; 0 when they are in the wrong order. */
  between(fromMs: number, toMs: number): number {
    return toMs > fromMs ? Math.max(0, this.integral(toMs) - this.integral(fromMs)) : 0
  }

  /** Mean rate per second over the second before `timeMs`. */
  rate(timeMs: number): number {
    return this.between(timeMs - 1000, timeMs)
  }

  /**
   * The first whole millisecond at which {@link integral} has reached `value`, whatever `nearMs` is.
   *
   * @param nearMs where to begin to look; the nearer, the quicker.
   */
  timeOf(value: number, nearMs: number): number {
    const guess = nearMs + ((value - this.integral(nearMs)) / this.mean) * 1000
    let step = Math.max(2, Math.abs(guess - nearMs) * 0.3)
    let low = guess - step
    let lowValue = this.integral(low)
    for (; lowValue > value; step *= 2) {
      low -= step
      lowValue = this.integral(low)
    }
    let high = guess + step
    let highValue = this.integral(high)
    for (; highValue <= value; step *= 2) {
      high += step
      highValue = this.integral(high)
    }
    for (let i = 0; high - low > 1; i++) {
      // Regula falsi on a nearly straight line, with a bisection now and then against stalling.
      const share = i % 3 === 2 ? 0.5 : (value - lowValue) / (highValue - lowValue)
      const middle = low + Math.min(0.98, Math.max(0.02, share)) * (high - low)
      const at = this.integral(middle)
      if (at <= value) {
        low = middle
        lowValue = at
      } else {
        high = middle
        highValue = at
      }
    }
    let time = Math.ceil(low)
    while (this.integral(time) < value) time++
    return time
  }
}
