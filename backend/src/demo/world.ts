import { STACKS, STANDALONE, TENANTS } from './catalog.ts'
import type { LifecycleSubject } from './lifecycle.ts'
import { between, hashText, hexId, mix, pick, unit } from './random.ts'
import type { ServiceTemplate, StackTemplate } from './templates.ts'
import { Wave } from './wave.ts'

export interface WorldOptions {
  hosts: number
  /** Spread over the hosts as evenly as it goes. */
  containers: number
  seed: number
  /** Leaks, crash loops, failed jobs and the like; without them every container runs steadily. */
  faults: boolean
}

interface PublishedPort {
  readonly container: number
  readonly published: number | undefined
}

/** A place in the fleet that a container fills: the container changes with every deploy, the slot stays. */
export interface Slot extends LifecycleSubject {
  readonly name: string
  /** Compose project; null for a container of its own. */
  readonly stack: string | null
  readonly template: ServiceTemplate
  readonly ports: readonly PublishedPort[]
  readonly network: Network
  readonly ip: string
  readonly mac: string
  /** Load of the stack: mean 1, shared by all its containers. */
  readonly traffic: Wave
  /** Load of this container alone: mean 1. */
  readonly own: Wave
  readonly memoryLimitBytes: number | undefined
}

export interface Network {
  readonly id: string
  readonly name: string
  readonly driver: 'bridge' | 'host' | 'null'
  readonly stack: string | null
  readonly subnet: string
  readonly gateway: string
  readonly createdAt: number
}

export interface Host {
  readonly index: number
  readonly id: string
  readonly name: string
  readonly seed: number
  readonly cpus: number
  readonly memoryBytes: number
  readonly bootedAt: number
  readonly engine: (typeof ENGINES)[number]
  readonly os: (typeof SYSTEMS)[number]
  readonly networks: readonly Network[]
  readonly slots: readonly Slot[]
}

const HOST_NAMES =
  'atlas boreas castor delphi electra fornax gaia helios icarus juno kepler lyra maia nereid orion pollux quasar rhea selene titan umbra vega wezen xanthe zephyr'.split(
    ' ',
  )

const ENGINES = [
  { version: '28.2.2', api: '1.50', commit: '45873be', containerd: '1.7.27', runc: '1.2.5' },
  { version: '27.5.1', api: '1.47', commit: '4c9b3b0', containerd: '1.7.25', runc: '1.2.4' },
  { version: '26.1.5', api: '1.45', commit: '411e817', containerd: '1.7.21', runc: '1.1.13' },
] as const

const SYSTEMS = [
  { name: 'Debian GNU/Linux 12 (bookworm)', version: '12', kernel: '6.1.0-31-amd64' },
  { name: 'Ubuntu 24.04.2 LTS', version: '24.04', kernel: '6.8.0-55-generic' },
  { name: 'Rocky Linux 9.5 (Blue Onyx)', version: '9.5', kernel: '5.14.0-503.26.1.el9_5.x86_64' },
] as const

const MEGABYTE = 1024 * 1024
const GIGABYTE = 1024 * MEGABYTE
const BOOT_EPOCH = Date.UTC(2025, 0, 6, 4)

interface StackInstance {
  readonly project: string
  readonly template: StackTemplate
  readonly big: boolean
}

/** All stacks once, then again for one tenant after the other. */
function* stackInstances(): Generator<StackInstance> {
  for (let round = 0; ; round++) {
    const tenant = round === 0 ? '' : `-${TENANTS[round - 1] ?? round}`
    for (const template of STACKS) yield { project: template.name + tenant, template, big: round === 0 }
  }
}

interface Placement {
  readonly stack: StackInstance | null
  readonly service: ServiceTemplate
  readonly replica: number
}

function placementsOf(stack: StackInstance): Placement[] {
  return stack.template.services.flatMap((service) =>
    Array.from({ length: stack.big ? (service.replicas ?? 1) : 1 }, (_, replica) => ({
      stack,
      service,
      replica,
    })),
  )
}

/** Fills a host: what belongs to no stack, then whole stacks, then more replicas where no stack fits. */
function fillHost(quota: number, stacks: Iterator<StackInstance>, pending: StackInstance[]): Placement[] {
  const placements: Placement[] =
    quota >= 10 ? STANDALONE.map((service) => ({ stack: null, service, replica: 0 })) : []
  const scalable: Placement[] = []
  while (placements.length < quota) {
    const stack = pending.pop() ?? stacks.next().value
    const wanted = placementsOf(stack)
    const room = quota - placements.length
    if (room < wanted.length / 2 && scalable.length > 0) {
      pending.push(stack)
      break
    }
    const placed = wanted.slice(0, room)
    placements.push(...placed)
    // The last replica of each: the next one is numbered after it.
    scalable.push(
      ...placed.filter(
        ({ service }, i) => service.behaviour === undefined && placed[i + 1]?.service !== service,
      ),
    )
  }
  for (let i = 0; placements.length < quota; i++) {
    const from = scalable[i % scalable.length]
    if (from === undefined) throw new RangeError('no service to scale on this host')
    placements.push({ ...from, replica: from.replica + 1 + Math.floor(i / scalable.length) })
  }
  return placements
}

function networksOf(seed: number, projects: readonly string[], bootedAt: number): Network[] {
  const builtIn = (name: string, driver: Network['driver'], subnet: string, gateway: string) => ({
    id: hexId(hashText(name, seed)),
    name,
    driver,
    stack: null,
    subnet,
    gateway,
    createdAt: bootedAt,
  })
  return [
    builtIn('bridge', 'bridge', '172.17.0.0/16', '172.17.0.1'),
    builtIn('host', 'host', '', ''),
    builtIn('none', 'null', '', ''),
    ...projects.map((project, i) => {
      const prefix = i < 14 ? `172.${18 + i}` : `10.${i % 256}`
      return {
        id: hexId(hashText(`net:${project}`, seed)),
        name: `${project}_default`,
        driver: 'bridge' as const,
        stack: project,
        subnet: `${prefix}.0.0/16`,
        gateway: `${prefix}.0.1`,
        createdAt: bootedAt + 60_000 * (i + 1),
      }
    }),
  ]
}

function portsOf(service: ServiceTemplate, taken: Set<number>): PublishedPort[] {
  return (service.ports ?? []).map((text) => {
    const [first = '', second] = text.split(':')
    if (second === undefined) return { container: Number(first), published: undefined }
    let published = Number(first)
    while (taken.has(published) && published < 64_000) published += 100
    taken.add(published)
    return { container: Number(second), published }
  })
}

/** The next size of machine that holds `need` with room to spare. */
function sizeUp(need: number, sizes: readonly number[]): number {
  return sizes.find((size) => size >= need) ?? Math.ceil(need)
}

function buildHost(index: number, options: WorldOptions, placements: readonly Placement[]): Host {
  const seed = mix(options.seed, 1000 + index)
  const bootedAt = BOOT_EPOCH + between(0, 240 * 86_400_000, seed, 1)
  const projects = [...new Set(placements.flatMap(({ stack }) => stack?.project ?? []))]
  const networks = networksOf(seed, projects, bootedAt)
  const byStack = new Map(networks.map((network) => [network.stack ?? network.name, network]))
  const traffic = new Map<string, Wave>()
  const taken = new Set<number>()
  const addresses = new Map<string, number>()

  const slots = placements.map(({ stack, service, replica }): Slot => {
    const project = stack?.project ?? null
    const name = project === null ? service.name : `${project}-${service.name}-${replica + 1}`
    const slotSeed = hashText(name, seed)
    const network = byStack.get(project ?? 'bridge')
    if (network === undefined) throw new RangeError(`no network for ${name}`)
    const address = (addresses.get(network.name) ?? 1) + 1
    addresses.set(network.name, address)
    const key = project ?? name
    let wave = traffic.get(key)
    if (wave === undefined) {
      const stackSeed = hashText(key, seed)
      wave = new Wave(stackSeed, {
        mean: 1,
        daily: stack?.template.daily ?? 0.05,
        peakHour: stack?.template.peakHour ?? 12,
        pulse: { everySeconds: between(11_000, 26_000, stackSeed, 5), lengthSeconds: 840, height: 0.7 },
      })
      traffic.set(key, wave)
    }
    return {
      seed: slotSeed,
      serviceSeed: hashText(`${key}/${service.name}`, seed),
      replica,
      cadence: service.cadence,
      behaviour: options.faults ? (service.behaviour ?? 'steady') : 'steady',
      hasHealthcheck: service.healthcheck !== undefined,
      override: undefined,
      name,
      stack: project,
      template: service,
      ports: portsOf(service, taken),
      network,
      ip: network.gateway.replace(/\.0\.1$/, `.${address >> 8}.${address & 255}`),
      mac: `02:42:${hexId(slotSeed, 8).replace(/(..)(?=.)/g, '$1:')}`,
      traffic: wave,
      own: new Wave(slotSeed, {
        mean: 1,
        pulse: { everySeconds: between(600, 3600, slotSeed, 6), lengthSeconds: 25, height: 1.2 },
      }),
      memoryLimitBytes: service.memoryLimitMb === undefined ? undefined : service.memoryLimitMb * MEGABYTE,
    }
  })

  const cores = slots.reduce((sum, { template }) => sum + template.cores, 0)
  const memoryMb = slots.reduce((sum, { template }) => sum + (template.memoryLimitMb ?? template.memoryMb), 0)
  const name = HOST_NAMES[index % HOST_NAMES.length] ?? 'host'
  return {
    index,
    id: hexId(seed, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    name: index < HOST_NAMES.length ? name : `${name}-${Math.floor(index / HOST_NAMES.length) + 1}`,
    seed,
    cpus: sizeUp(cores * 1.5, [4, 8, 16, 24, 32, 48, 64, 96, 128]),
    // A machine of 16 GB shows a little less: the kernel keeps some for itself.
    memoryBytes: Math.round(
      sizeUp((memoryMb / 1024) * 0.9, [8, 16, 32, 64, 128, 256, 512, 1024]) * GIGABYTE * 0.978,
    ),
    bootedAt,
    engine: index === 0 ? ENGINES[0] : pick(ENGINES, seed, 2),
    os: pick(SYSTEMS, seed, 3),
    networks,
    slots,
  }
}

/**
 * The fleet that belongs to a seed. Equal options give an equal fleet, to the last id.
 *
 * @throws RangeError when there are fewer containers than hosts, or more than 20,000.
 */
export function buildWorld(options: WorldOptions): Host[] {
  const { hosts, containers } = options
  if (!Number.isInteger(hosts) || hosts < 1 || hosts > 500) {
    throw new RangeError('A simulated fleet has 1 to 500 hosts.')
  }
  if (!Number.isInteger(containers) || containers < hosts || containers > 20_000) {
    throw new RangeError('A simulated fleet has at least one container on each host, and at most 20,000.')
  }
  const stacks = stackInstances()
  const pending: StackInstance[] = []
  return Array.from({ length: hosts }, (_, index) => {
    const quota = Math.floor(containers / hosts) + (index < containers % hosts ? 1 : 0)
    return buildHost(index, options, fillHost(quota, stacks, pending))
  })
}

const ordinal = /^(\d+)\.(\d+)\.(\d+)$/

/** Image reference of the slot's `deploy`-th container: own images move on with every deploy. */
export function imageOf(slot: Slot, deploy: number): string {
  const { image, version, cadence } = slot.template
  const [, major, minor, patch] = ordinal.exec(version) ?? []
  if (cadence !== 'own' || major === undefined) return `${image}:${version}`
  const step = Number(patch) + deploy
  return `${image}:${major}.${Number(minor) + Math.floor(step / 40)}.${step % 40}`
}

export function imageIdOf(reference: string): string {
  return `sha256:${hexId(hashText(reference))}`
}

/** Environment as the engine lists it; `{secret}` in the catalog becomes an invented secret. */
export function environmentOf(slot: Slot): string[] {
  const secret = hexId(mix(slot.serviceSeed, 77), 24)
  return [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    `TZ=${unit(slot.seed, 8) < 0.3 ? 'Europe/Berlin' : 'UTC'}`,
    ...(slot.template.env ?? []).map((entry) => entry.replaceAll('{secret}', secret)),
  ]
}
