import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Engine } from './engine.ts'
import { snapshotAt } from './lifecycle.ts'
import { logLines } from './logs.ts'
import { cpuSeconds, memoryOf, statsOf } from './usage.ts'
import { humanDuration } from './views.ts'
import { Wave } from './wave.ts'
import { buildWorld, type Host, imageOf } from './world.ts'

const NOW = Date.UTC(2026, 2, 4, 13, 20)
const HOUR = 3_600_000
const world = (seed = 1) => buildWorld({ hosts: 5, containers: 100, seed, faults: true })

function slotOf(hosts: readonly Host[], name: string) {
  for (const host of hosts) {
    const slot = host.slots.find((candidate) => candidate.name === name)
    if (slot) return { host, slot }
  }
  throw new Error(`no ${name}`)
}

describe('the simulated world', () => {
  it('is the same for the same seed and another for another', () => {
    const picture = (seed: number) =>
      JSON.stringify(
        world(seed).map((host) =>
          host.slots.map((slot) => {
            const snapshot = snapshotAt(slot, NOW)
            return [snapshot, statsOf(host, slot, snapshot, NOW, NOW - 1000), logLines(slot, 0, NOW, 3)]
          }),
        ),
      )
    expect(picture(7)).toBe(picture(7))
    expect(picture(7)).not.toBe(picture(8))
  })

  it('has exactly the hosts and containers asked for, with names unique on each host', () => {
    for (const [hosts, containers] of [
      [1, 1],
      [3, 9],
      [5, 100],
      [2, 25],
      [20, 1000],
      [1, 5000],
      [50, 5000],
    ] as const) {
      const built = buildWorld({ hosts, containers, seed: 1, faults: true })
      expect(built).toHaveLength(hosts)
      expect(built.flatMap(({ slots }) => slots)).toHaveLength(containers)
      for (const { slots } of built) expect(new Set(slots.map(({ name }) => name)).size).toBe(slots.length)
      expect(new Set(built.map(({ name }) => name)).size).toBe(hosts)
    }
  })

  it('refuses numbers that make no fleet', () => {
    expect(() => buildWorld({ hosts: 5, containers: 4, seed: 1, faults: true })).toThrow(RangeError)
    expect(() => buildWorld({ hosts: 0, containers: 4, seed: 1, faults: true })).toThrow(RangeError)
  })

  it('replaces a container on a deploy: same name, new id, next image', () => {
    const { slot } = slotOf(world(), 'shop-api-1')
    const before = snapshotAt(slot, NOW).incarnation
    const after = snapshotAt(slot, before.replacedAt).incarnation
    expect(after.id).not.toBe(before.id)
    expect(after.createdAt).toBe(before.replacedAt)
    expect(imageOf(slot, after.deploy)).not.toBe(imageOf(slot, before.deploy))
    expect(snapshotAt(slot, before.replacedAt - 1).incarnation).toEqual(before)
  })

  it('kills a leaking container when its memory has run out, and starts it again', () => {
    const { host, slot } = slotOf(world(), 'shop-recommendations-1')
    const snapshot = snapshotAt(slot, NOW)
    const end = snapshot.outOfMemoryAt!
    const last = snapshotAt(slot, end - 1)
    expect(last.state).toBe('running')
    expect(memoryOf(host, slot, last, end - 1).workingBytes / slot.memoryLimitBytes!).toBeGreaterThan(0.95)
    const killed = snapshotAt(slot, end)
    expect(killed).toMatchObject({ state: 'restarting', exitCode: 137, oomKilled: true })
    const again = snapshotAt(slot, killed.until)
    expect(again).toMatchObject({ state: 'running', restartCount: snapshot.restartCount + 1 })
    expect(again.incarnation.id).toBe(snapshot.incarnation.id)
  })

  it('never changes a container before the snapshot said it would', () => {
    const hosts = world()
    fc.assert(
      fc.property(
        fc.nat({ max: 99 }),
        fc.nat({ max: 400 * 24 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (which, hours, share) => {
          const slot = hosts.flatMap(({ slots }) => slots)[which]!
          const at = NOW + hours * HOUR
          const snapshot = snapshotAt(slot, at)
          expect(snapshot.until).toBeGreaterThan(at)
          const between = Math.floor(at + (Math.min(snapshot.until, at + 1000 * HOUR) - at) * share)
          expect(snapshotAt(slot, between)).toEqual(snapshot)
        },
      ),
      { seed: 1 },
    )
  })

  it('runs everything steadily when faults are off', () => {
    const hosts = buildWorld({ hosts: 2, containers: 60, seed: 1, faults: false })
    const states = hosts.flatMap(({ slots }) => slots.map((slot) => snapshotAt(slot, NOW).state))
    expect(new Set(states)).toEqual(new Set(['running']))
  })

  it('tells the events of a day in order, each start after a death', () => {
    const hosts = world()
    const { host, slot } = slotOf(hosts, 'identity-legacy-sync-1')
    const events = new Engine(host, () => NOW).eventsBetween(NOW - HOUR, NOW)
    const times = events.map(({ timeMs }) => timeMs)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    const own = events.filter(({ type, attributes }) => type === 'container' && attributes.name === slot.name)
    expect(own.length).toBeGreaterThan(50)
    own.slice(1).forEach(({ action }, i) => {
      expect([action, own[i]!.action]).toContain('start')
    })
  })
})

describe('load', () => {
  it('never lets a counter run backwards, whatever the seed', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.nat({ max: 10_000_000 }),
        fc.integer({ min: 1, max: 5000 }),
        (seed, second, ms) => {
          const wave = new Wave(seed, {
            mean: 1,
            daily: 0.45,
            pulse: { everySeconds: 700, lengthSeconds: 20, height: 1 },
          })
          const at = NOW + second * 1000
          expect(wave.integral(at + ms)).toBeGreaterThan(wave.integral(at))
        },
      ),
      { seed: 1, numRuns: 2000 },
    )
  })

  it('adds up: the parts of a stretch give the whole', () => {
    const { slot } = slotOf(world(), 'shop-api-1')
    let sum = 0
    for (let i = 0; i < 100; i++) sum += cpuSeconds(slot, NOW + i * 36_000, NOW + (i + 1) * 36_000)
    expect(sum).toBeCloseTo(cpuSeconds(slot, NOW, NOW + HOUR), 4)
  })

  it('follows the day: a shop is busier in the evening than at night', () => {
    const { slot } = slotOf(world(), 'shop-api-1')
    const midnight = Date.UTC(2026, 2, 4)
    const evening = cpuSeconds(slot, midnight + 18 * HOUR, midnight + 20 * HOUR)
    expect(evening).toBeGreaterThan(1.5 * cpuSeconds(slot, midnight + 6 * HOUR, midnight + 8 * HOUR))
  })

  it('finds the instant of any part of the load, wherever the search begins', () => {
    const { slot } = slotOf(world(), 'shop-api-1')
    fc.assert(
      fc.property(fc.nat({ max: 9_000_000 }), fc.integer({ min: -9_000_000, max: 9_000_000 }), (ms, away) => {
        const value = slot.traffic.integral(NOW + ms)
        expect(slot.traffic.timeOf(value, NOW + ms + away)).toBe(NOW + ms)
      }),
      { seed: 1 },
    )
  })
})

describe('log lines', () => {
  it('are the same however they are asked for', () => {
    const { slot } = slotOf(world(), 'payments-gateway-1')
    const whole = logLines(slot, NOW - 60_000, NOW)
    const parts = Array.from({ length: 60 }, (_, i) =>
      logLines(slot, NOW - 60_000 + i * 1000, NOW - 59_000 + i * 1000),
    )
    expect(parts.flat()).toEqual(whole)
    expect(whole.length).toBeGreaterThan(20)
    expect(logLines(slot, 0, NOW, 10)).toEqual(whole.slice(-10))
  })

  it('stop when the container is not running', () => {
    const { slot } = slotOf(world(), 'shop-migrate-1')
    const { finishedAt, startedAt } = snapshotAt(slot, NOW)
    const lines = logLines(slot, startedAt! - 1000, NOW)
    expect(lines.at(-1)!.text).toBe('finished, nothing left to do')
    expect(lines.at(-1)!.timeMs).toBeLessThanOrEqual(finishedAt!)
  })
})

describe('durations in words', () => {
  it.each([
    [200, 'Less than a second'],
    [1000, '1 second'],
    [59_000, '59 seconds'],
    [60_000, 'About a minute'],
    [59 * 60_000, '59 minutes'],
    [HOUR, 'About an hour'],
    [47 * HOUR, '47 hours'],
    [48 * HOUR, '2 days'],
    [15 * 24 * HOUR, '2 weeks'],
  ])('%i ms is %s', (ms, words) => {
    expect(humanDuration(ms)).toBe(words)
  })
})
