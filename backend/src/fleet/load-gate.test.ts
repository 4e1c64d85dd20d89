import { describe, expect, it } from 'vitest'
import { createLoadGate, nextLimit } from './load-gate.ts'

describe('createLoadGate', () => {
  it('lets 64 in at first and the others as those leave, in their order', async () => {
    const gate = createLoadGate()
    const begun: number[] = []
    const leave: (() => void)[] = []
    const all = Array.from({ length: 66 }, (_, index) =>
      gate(async () => {
        begun.push(index)
        await new Promise<void>((resolve) => leave.push(resolve))
        return index
      }),
    )
    expect(begun).toHaveLength(64)
    leave[10]?.()
    await all[10]
    await new Promise((resolve) => setImmediate(resolve))
    expect(begun.slice(64)).toEqual([64])
    leave[20]?.()
    await all[20]
    await new Promise((resolve) => setImmediate(resolve))
    expect(begun.slice(64)).toEqual([64, 65])
    for (const each of leave) each()
    expect(await Promise.all(all)).toEqual(Array.from({ length: 66 }, (_, index) => index))
  })

  it('gives a failure to whoever asked, and its place to the next', async () => {
    const gate = createLoadGate()
    const failing = Array.from({ length: 64 }, () => gate(() => Promise.reject(new Error('no'))))
    const last = gate(async () => 'done')
    expect(new Set((await Promise.allSettled(failing)).map(({ status }) => status))).toEqual(
      new Set(['rejected']),
    )
    expect(await last).toBe('done')
  })

  it('makes room for slow engines by itself', async () => {
    const gate = createLoadGate()
    let begun = 0
    let leave = () => {}
    const over = new Promise<void>((resolve) => {
      leave = resolve
    })
    const enough = new Promise<void>((resolve) => {
      for (let index = 0; index < 90; index++) {
        void gate(async () => {
          if (++begun === 90) resolve()
          await over
        })
      }
    })
    await enough
    leave()
  })
})

describe('nextLimit', () => {
  it.each([
    ['idle: more', 64, 0, 0.1, 80],
    ['idle, but the machine is slow: more', 64, 500, 0.1, 80],
    ['busy and in time: as it is', 100, 5, 0.95, 100],
    ['busy and late: less', 100, 50, 0.95, 70],
    ['never too few', 80, 5_000, 1, 64],
    ['never without bound', 1_000, 0, 0, 1_024],
  ])('%s', (_name, limit, lateMs, busyShare, next) => {
    expect(nextLimit(limit, lateMs, busyShare)).toBe(next)
  })
})
