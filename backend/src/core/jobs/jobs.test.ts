import { describe, expect, it } from 'vitest'
import { createLogger } from '../log.ts'
import { createJobs } from './jobs.ts'

const log = createLogger('silent')

describe('createJobs', () => {
  it('runs again after a run that failed', async () => {
    const jobs = createJobs({ log })
    let runs = 0
    const twice = new Promise<void>((resolve) => {
      jobs.add({
        name: 'flaky',
        every: 0.001,
        async run() {
          runs += 1
          if (runs === 2) resolve()
          throw new Error('no')
        },
      })
    })
    jobs.start()
    await twice
    await jobs.stop()
    expect(runs).toBeGreaterThanOrEqual(2)
  })

  it('never runs a job twice at once', async () => {
    const jobs = createJobs({ log })
    let inside = 0
    let most = 0
    const five = new Promise<void>((resolve) => {
      let runs = 0
      jobs.add({
        name: 'slow',
        every: 0.001,
        atStart: true,
        async run() {
          most = Math.max(most, ++inside)
          await new Promise((done) => setImmediate(done))
          inside -= 1
          if (++runs === 5) resolve()
        },
      })
    })
    jobs.start()
    await five
    await jobs.stop()
    expect(most).toBe(1)
  })

  it('tells a run under way to end, and waits for it', async () => {
    const jobs = createJobs({ log })
    let ended = false
    const begun = new Promise<void>((resolve) => {
      jobs.add({
        name: 'long',
        every: 60,
        atStart: true,
        run: (signal) =>
          new Promise<void>((done) => {
            resolve()
            signal.addEventListener('abort', () =>
              setImmediate(() => {
                ended = true
                done()
              }),
            )
          }),
      })
    })
    jobs.start()
    await begun
    await jobs.stop()
    expect(ended).toBe(true)
  })
})
