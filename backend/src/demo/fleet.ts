import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Engine } from './engine.ts'
import { type Conduct, createEngineServer } from './server.ts'
import { buildWorld } from './world.ts'

export interface SimulatedFleetOptions {
  /** Default 5. */
  hosts?: number
  /** In all, spread over the hosts. Default 100. */
  containers?: number
  /** The same seed gives the same fleet with the same course. Default 1. */
  seed?: number
  /** Leaks, crash loops, failing probes. Default true. */
  faults?: boolean
  /** Time of the simulated world, ms since 1970. Default: the real one. */
  clock?: () => number
  /** First port; the hosts take one each, in order. Default 0: any free ports. */
  port?: number
  /** Multiplies how much the containers log. Default 1. */
  logScale?: number
  /** Added to every answer of every host, ms. */
  latencyMs?: number
  /** A host that answers, but late. */
  slowHost?: { index: number; delayMs: number } | undefined
  /** Index of a host that takes connections and never answers. */
  deadHost?: number | undefined
}

export interface SimulatedFleet {
  readonly endpoints: readonly { readonly name: string; readonly url: string }[]
  readonly engines: readonly Engine[]
  /** How the host with this index answers; setting a field takes effect with the next request. */
  conduct(index: number): Conduct
  close(): Promise<void>
}

/**
 * Starts a Docker Engine API on 127.0.0.1 for each host of an invented fleet.
 *
 * @throws RangeError when the numbers make no fleet; Error EADDRINUSE when a given port is taken.
 */
export async function startSimulatedFleet(options: SimulatedFleetOptions = {}): Promise<SimulatedFleet> {
  const { hosts = 5, containers = 100, seed = 1, faults = true, clock = Date.now, port = 0 } = options
  const world = buildWorld({ hosts, containers, seed, faults })
  const conducts = world.map(
    ({ index }): Conduct => ({
      delayMs: (options.latencyMs ?? 0) + (options.slowHost?.index === index ? options.slowHost.delayMs : 0),
      mode: options.deadHost === index ? 'hang' : 'answer',
    }),
  )
  const engines = world.map((host) => new Engine(host, clock))
  const servers: Server[] = []
  const close = async () => {
    await Promise.all(
      servers.map(async (server) => {
        if (!server.listening) return
        const closed = once(server, 'close')
        server.close()
        server.closeAllConnections()
        await closed
      }),
    )
  }
  const endpoints: { name: string; url: string }[] = []
  for (const [index, engine] of engines.entries()) {
    const server = createEngineServer(engine, conductOf(conducts, index), options.logScale ?? 1)
    servers.push(server)
    server.listen(port === 0 ? 0 : port + index, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (err) {
      await close()
      throw err
    }
    const address = server.address() as AddressInfo
    endpoints.push({ name: engine.host.name, url: `tcp://127.0.0.1:${address.port}` })
  }
  return { endpoints, engines, conduct: (index) => conductOf(conducts, index), close }
}

function conductOf(conducts: readonly Conduct[], index: number): Conduct {
  const conduct = conducts[index]
  if (conduct === undefined) throw new RangeError(`There is no host number ${index}.`)
  return conduct
}
