import { execFileSync } from 'node:child_process'
import { env } from 'node:process'
import { describe, expect, it } from 'vitest'
import { CounterTracker } from '../counter-tracker.ts'
import { readContainerStats } from './container-stats.ts'
import { createDockerSource } from './docker-source.ts'
import { createEngineClient } from './engine-client.ts'
import { engineTarget } from './engine-target.ts'

// Needs an engine on its usual socket and the docker command; the rest of the suite needs neither.
describe.runIf(env.DOCKER_TEST === '1')('a real engine', () => {
  const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim()
  const source = createDockerSource(createEngineClient(engineTarget('unix:///var/run/docker.sock')))

  it('is what the docker command says', async () => {
    const facts = await source.connect()
    expect(facts.engineVersion).toBe(docker('version', '--format', '{{.Server.Version}}'))
    const ids = (await source.containers()).map(({ Id }) => Id)
    expect(new Set(ids)).toEqual(new Set(docker('ps', '-aq', '--no-trunc').split('\n').filter(Boolean)))
    const images = (await source.images()).map(({ Id }) => Id)
    expect(new Set(images)).toEqual(new Set(docker('images', '-q', '--no-trunc').split('\n').filter(Boolean)))
    const networks = (await source.networks()).map(({ Name }) => Name)
    expect(new Set(networks)).toEqual(new Set(docker('network', 'ls', '--format', '{{.Name}}').split('\n')))
  })

  it('gives readings and inspections of its running containers', async () => {
    await source.connect()
    const running = (await source.containers()).filter(({ State }) => State === 'running')
    for (const { Id } of running.slice(0, 5)) {
      const tracker = new CounterTracker(30_000)
      const stats = await source.stats(Id)
      const reading = readContainerStats(stats, tracker, { timeMs: Date.now(), monotonicMs: 0, epoch: '' })
      expect(reading?.memoryUsedBytes).toBeGreaterThan(0)
      expect((await source.inspect(Id)).State.Status).toBe('running')
    }
  })
})
