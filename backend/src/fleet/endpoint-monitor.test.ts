import { pino } from 'pino'
import { afterEach, expect, it, vi } from 'vitest'
import { startSimulatedFleet } from '../demo/fleet.ts'
import { openEngine } from './endpoint-access.ts'
import { createEndpointMonitor } from './endpoint-monitor.ts'
import { createFleetState } from './fleet.state.ts'
import { LOCAL_ENDPOINT } from './local-endpoint.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 })

/** A monitor of this machine, which has an engine where `engine` is an address. */
function monitorOf(engine: { url: string | null }) {
  const state = createFleetState({ maxGapMs: 3_000 })
  state.putEndpoint({ ...LOCAL_ENDPOINT, id: 1, name: 'here' })
  const told: string[] = []
  const monitor = createEndpointMonitor({
    endpointId: 1,
    open: () => (engine.url === null ? null : openEngine(engine.url)),
    state,
    log: pino({ level: 'silent' }),
    intervalMs: 1_000,
    random: () => 0,
    gate: (work) => work(),
    record: () => {},
    onCycle: () => {},
    onEvent: ({ kind, action }) => void (kind === 'endpoint' && told.push(action)),
    lastEventAt: () => Promise.resolve(undefined),
  })
  closers.push(() => monitor.stop())
  monitor.start()
  return { told, entry: () => state.endpoints.get(1) }
}

it('takes a machine without an engine as it is', async () => {
  const { entry, told } = monitorOf({ url: null })
  await eventually(() =>
    expect(entry()).toMatchObject({ status: 'up', hint: expect.stringContaining('No Docker engine') }),
  )
  expect(told).toEqual([])
})

it('misses an engine that was there, and finds it again', async () => {
  const simulated = await startSimulatedFleet({ hosts: 1, containers: 3, faults: false })
  const engine: { url: string | null } = { url: simulated.endpoints[0]?.url ?? null }
  closers.push(() => simulated.close())
  const { entry, told } = monitorOf(engine)
  await eventually(() => expect(entry()).toMatchObject({ status: 'up', hint: null }))
  engine.url = null
  simulated.conduct(0).mode = 'hang'
  await eventually(() => expect(entry()).toMatchObject({ error: expect.stringContaining('is gone') }))
  expect(entry()?.status).toBe('down')
  engine.url = simulated.endpoints[0]?.url ?? null
  simulated.conduct(0).mode = 'answer'
  await eventually(() => expect(entry()?.status).toBe('up'))
  expect(told).toEqual(['down', 'up'])
})
