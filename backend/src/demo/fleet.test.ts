import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import Docker from 'dockerode'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SimulatedFleet, startSimulatedFleet } from './fleet.ts'

const START = Date.UTC(2026, 2, 4, 13, 20)
let now = START
let fleet: SimulatedFleet
let docker: Docker[]

function client(url: string): Docker {
  const { hostname, port } = new URL(url)
  return new Docker({ host: hostname, port: Number(port), protocol: 'http' })
}

/** The engine that runs a container of this name. */
function at(name: string): Docker {
  const index = fleet.engines.findIndex(({ host }) => host.slots.some((slot) => slot.name === name))
  return docker[index]!
}

beforeAll(async () => {
  fleet = await startSimulatedFleet({ clock: () => now })
  docker = fleet.endpoints.map(({ url }) => client(url))
})
afterAll(() => fleet.close())

describe('the simulated engine through dockerode', () => {
  it('answers ping, version and info as an engine of its version', async () => {
    expect(String(await docker[0]!.ping())).toBe('OK')
    const version = await docker[0]!.version()
    expect(version).toMatchObject({ Version: '28.2.2', ApiVersion: '1.50', Os: 'linux' })
    const info = await docker[0]!.info()
    expect(info).toMatchObject({ Name: 'atlas', Containers: 20, CgroupVersion: '2' })
    expect(info.NCPU).toBeGreaterThan(1)
  })

  it('refuses an API version that the engine does not know, and tells which it does', async () => {
    const response = await fetch(`${fleet.endpoints[0]!.url.replace('tcp', 'http')}/v1.99/info`)
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({
      message: 'client version 1.99 is too new. Maximum supported API version is 1.50',
    })
  })

  it('lists only what runs, unless all are asked for', async () => {
    const running = await docker[4]!.listContainers()
    const all = await docker[4]!.listContainers({ all: true })
    expect(all).toHaveLength(20)
    expect(running.length).toBeLessThan(all.length)
    expect(running.every(({ State }) => State === 'running' || State === 'restarting')).toBe(true)
    const web = all.find(({ Names }) => Names[0] === '/shop-eu-web-1')!
    expect(web.Labels['com.docker.compose.project']).toBe('shop-eu')
    expect(web.NetworkSettings.Networks['shop-eu_default']?.IPAddress).toMatch(/^172\./)
  })

  it('filters by status, label and health', async () => {
    const filtered = (filters: Record<string, string[]>) =>
      at('shop-api-1').listContainers({ all: true, filters })
    expect((await filtered({ name: ['shop-api-1'] })).map(({ Names }) => Names[0])).toEqual(['/shop-api-1'])
    expect(await filtered({ label: ['com.docker.compose.service=storefront'] })).not.toHaveLength(0)
    expect((await filtered({ status: ['exited'] })).every(({ State }) => State === 'exited')).toBe(true)
    await expect(filtered({ nonsense: ['1'] })).rejects.toMatchObject({ statusCode: 400 })
  })

  it('finds a container by name, id and beginning of the id, and nothing else', async () => {
    const engine = at('shop-api-1')
    const { Id } = await engine.getContainer('shop-api-1').inspect()
    expect((await engine.getContainer(Id).inspect()).Name).toBe('/shop-api-1')
    expect((await engine.getContainer(Id.slice(0, 12)).inspect()).Id).toBe(Id)
    await expect(engine.getContainer('nothing').inspect()).rejects.toMatchObject({
      statusCode: 404,
      json: { message: 'No such container: nothing' },
    })
  })

  it('gives stats with the counters before, without them for a one-shot', async () => {
    const container = at('shop-db-1').getContainer('shop-db-1')
    const stats = await container.stats({ stream: false })
    expect(stats.cpu_stats.system_cpu_usage - stats.precpu_stats.system_cpu_usage).toBeGreaterThan(0)
    expect(stats.memory_stats.stats.inactive_file).toBeGreaterThan(0)
    expect(stats.memory_stats.usage).toBeLessThan(stats.memory_stats.limit)
    expect(stats.networks.eth0!.rx_bytes).toBeGreaterThan(0)
    const once = await container.stats({ stream: false, 'one-shot': true })
    expect(once.precpu_stats.cpu_usage.total_usage).toBe(0)
    expect(once.cpu_stats).toEqual(stats.cpu_stats)
  })

  it('streams stats whose previous counters are those of the document before', async () => {
    const stream = (await at('shop-db-1')
      .getContainer('shop-db-1')
      .stats({ stream: true })) as unknown as PassThrough
    const documents: { cpu_stats: unknown; precpu_stats: unknown }[] = []
    stream.on('data', (chunk: Buffer) => {
      now += 1000
      for (const line of chunk.toString().split('\n')) if (line !== '') documents.push(JSON.parse(line))
      if (documents.length >= 2) (stream as unknown as { destroy(): void }).destroy()
    })
    await once(stream, 'close')
    expect(documents[1]!.precpu_stats).toEqual(documents[0]!.cpu_stats)
  })

  it('frames log lines with stream and length', async () => {
    const container = at('shop-api-1').getContainer('shop-api-1')
    const buffer = await container.logs({ stdout: true, stderr: true, tail: 40, timestamps: true })
    const out = new PassThrough()
    const err = new PassThrough()
    const source = new PassThrough()
    docker[0]!.modem.demuxStream(source, out, err)
    source.end(buffer)
    await once(source, 'end')
    out.end()
    err.end()
    const lines = `${await text(out)}${await text(err)}`.trimEnd().split('\n')
    expect(lines).toHaveLength(40)
    expect(lines.every((line) => /^\d{4}-\d\d-\d\dT[\d:]+\.\d{9}Z /.test(line))).toBe(true)
    expect(JSON.parse(lines[0]!.slice(31))).toHaveProperty('msg')
  })

  it('sends the log of a terminal unframed', async () => {
    const buffer = await at('delivery-runner-1')
      .getContainer('delivery-runner-1')
      .logs({ stdout: true, tail: 3 })
    expect(buffer.toString()).toSatisfy((log: string) => log.startsWith('\u001b[2m') && log.endsWith('\r\n'))
  })

  it('continues a followed log where it left off, without loss or repetition', async () => {
    const container = at('edge-traefik-1').getContainer('edge-traefik-1')
    const stream = await container.logs({ follow: true, stdout: true, stderr: true, tail: 5 })
    const before = now
    let received = Buffer.alloc(0)
    const enough = new Promise<void>((resolve) => {
      stream.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk])
        if (now < before + 30_000) now += 3000
        else resolve()
      })
    })
    await enough
    ;(stream as unknown as { destroy(): void }).destroy()
    const whole = await container.logs({
      stdout: true,
      stderr: true,
      since: before / 1000 - 600,
      until: now / 1000,
    })
    expect(whole.includes(received)).toBe(true)
    expect(received.length).toBeGreaterThan(1000)
  })

  it('tells of an action to those who listen, and remembers it', async () => {
    const engine = at('watchtower')
    const events = await engine.getEvents({ filters: { container: ['watchtower'] } })
    const heard: string[] = []
    const done = new Promise<void>((resolve) => {
      events.on('data', (chunk: Buffer) => {
        for (const line of chunk.toString().trim().split('\n')) heard.push(JSON.parse(line).Action)
        if (heard.includes('start')) resolve()
      })
    })
    const container = engine.getContainer('watchtower')
    await container.stop()
    expect((await container.inspect()).State).toMatchObject({ Status: 'exited', Running: false })
    await expect(container.stop()).rejects.toMatchObject({ statusCode: 304 })
    await expect(container.kill()).rejects.toMatchObject({ statusCode: 409 })
    now += 2000
    await container.start()
    await done
    ;(events as unknown as { destroy(): void }).destroy()
    expect(heard).toEqual(['kill', 'die', 'stop', 'start'])
    const past = await engine.getEvents({
      since: now / 1000 - 60,
      until: now / 1000,
      filters: { event: ['die'] },
    })
    expect(await text(past)).toContain('"name":"watchtower"')
  })

  it('counts from zero again after a restart', async () => {
    const container = at('shop-cart-1').getContainer('shop-cart-1')
    const before = await container.stats({ stream: false, 'one-shot': true })
    await container.restart()
    now += 5000
    const after = await container.stats({ stream: false, 'one-shot': true })
    expect(after.id).toBe(before.id)
    expect(after.cpu_stats.cpu_usage.total_usage).toBeLessThan(before.cpu_stats.cpu_usage.total_usage)
    expect(after.networks.eth0!.rx_bytes).toBeLessThan(before.networks.eth0!.rx_bytes)
    const { State } = await container.inspect()
    expect(Date.parse(State.StartedAt)).toBe(now - 5000)
  })

  it('lists processes, images, networks, volumes and disk usage', async () => {
    const engine = at('shop-db-1')
    expect((await engine.getContainer('shop-db-1').top()).Titles).toContain('CMD')
    const image = (await engine.listImages()).find(({ RepoTags }) => RepoTags?.[0] === 'postgres:17.2')!
    expect((await engine.getImage('postgres:17.2').inspect()).Id).toBe(image.Id)
    const network = await engine.getNetwork('shop_default').inspect()
    expect(Object.values(network.Containers ?? {}).map(({ Name }) => Name)).toContain('shop-db-1')
    expect((await engine.listVolumes()).Volumes.map(({ Name }) => Name)).toContain('shop_db')
    expect((await engine.df()).Images).not.toHaveLength(0)
  })

  it('answers a stopped or restarting container as an engine does', async () => {
    const container = at('identity-legacy-sync-1').getContainer('identity-legacy-sync-1')
    now = Math.ceil(now / 60_000) * 60_000
    while ((await container.inspect()).State.Status !== 'restarting') now += 1000
    const stats = await container.stats({ stream: false })
    expect(stats.memory_stats).toEqual({})
    await expect(container.top()).rejects.toMatchObject({ statusCode: 409 })
    expect((await container.inspect()).RestartCount).toBeGreaterThan(10)
  })
})

describe('a host that does not answer well', () => {
  it('cuts, hangs and heals as told', async () => {
    const conduct = fleet.conduct(1)
    conduct.mode = 'refuse'
    await expect(client(fleet.endpoints[1]!.url).ping()).rejects.toThrow()
    conduct.mode = 'hang'
    const url = `${fleet.endpoints[1]!.url.replace('tcp', 'http')}/_ping`
    await expect(fetch(url, { signal: AbortSignal.timeout(200) })).rejects.toThrow()
    expect(String(await docker[2]!.ping())).toBe('OK')
    conduct.mode = 'answer'
    expect(String(await client(fleet.endpoints[1]!.url).ping())).toBe('OK')
  })
})
