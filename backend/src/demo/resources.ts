/** Images, networks, volumes and the host's own documents of the simulated engine. */
import { type Container, type Engine, EngineError } from './engine.ts'
import { between, hashText, hexId } from './random.ts'
import { goTime, volumeName } from './views.ts'
import { type Host, imageIdOf, imageOf, type Network } from './world.ts'

const MEGABYTE = 1024 * 1024
const DAY = 86_400_000

interface Image {
  readonly id: string
  readonly reference: string
  readonly sizeBytes: number
  readonly createdAt: number
  readonly containers: number
}

const isUp = ({ snapshot }: Container) => snapshot.state === 'running' || snapshot.state === 'paused'

/** Images in use, and of own ones the release before, which nobody has pruned. */
function imagesOf(engine: Engine): Image[] {
  const images = new Map<string, Image>()
  for (const { slot, snapshot } of engine.list()) {
    const { deploy, createdAt } = snapshot.incarnation
    const add = (reference: string, builtAt: number, containers: number) => {
      const known = images.get(reference)
      images.set(reference, {
        id: imageIdOf(reference),
        reference,
        sizeBytes: Math.round(slot.template.imageMb * MEGABYTE * (0.97 + (hashText(reference) % 60) / 1000)),
        createdAt: known?.createdAt ?? builtAt,
        containers: (known?.containers ?? 0) + containers,
      })
    }
    add(imageOf(slot, deploy), createdAt - 20 * 60_000 - (hashText(slot.template.image) % DAY), 1)
    if (slot.template.cadence === 'own' && deploy > 0) add(imageOf(slot, deploy - 1), createdAt - 2 * DAY, 0)
  }
  return [...images.values()].sort((a, b) => b.createdAt - a.createdAt)
}

const digestOf = ({ reference }: Image) =>
  `${reference.slice(0, reference.lastIndexOf(':'))}@sha256:${hexId(hashText(reference, 5))}`

export function listImages(engine: Engine) {
  return imagesOf(engine).map((image) => ({
    Containers: -1,
    Created: Math.floor(image.createdAt / 1000),
    Id: image.id,
    Labels: null,
    ParentId: '',
    RepoDigests: [digestOf(image)],
    RepoTags: [image.reference],
    SharedSize: -1,
    Size: image.sizeBytes,
  }))
}

/** @throws EngineError 404 when there is no such image. */
export function inspectImage(engine: Engine, name: string) {
  const wanted = name.includes(':') || /^[0-9a-f]{12,64}$/.test(name) ? name : `${name}:latest`
  const image = imagesOf(engine).find(
    ({ id, reference }) =>
      reference === wanted ||
      id === wanted ||
      (/^[0-9a-f]{12,64}$/.test(wanted) && id.startsWith(`sha256:${wanted}`)),
  )
  if (!image) throw new EngineError(404, `No such image: ${wanted}`)
  return {
    Id: image.id,
    RepoTags: [image.reference],
    RepoDigests: [digestOf(image)],
    Parent: '',
    Comment: 'buildkit.dockerfile.v0',
    Created: goTime(image.createdAt),
    DockerVersion: '',
    Author: '',
    Config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Labels: null },
    Architecture: 'amd64',
    Os: 'linux',
    Size: image.sizeBytes,
    GraphDriver: { Name: 'overlay2', Data: null },
    RootFS: { Type: 'layers', Layers: [`sha256:${hexId(hashText(image.reference, 6))}`] },
    Metadata: { LastTagTime: NEVER },
  }
}

const NEVER = '0001-01-01T00:00:00Z'

function networkDocument(network: Network, containers: Record<string, unknown>) {
  return {
    Name: network.name,
    Id: network.id,
    Created: goTime(network.createdAt),
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: {
      Driver: 'default',
      Options: null,
      Config: network.subnet === '' ? null : [{ Subnet: network.subnet, Gateway: network.gateway }],
    },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: containers,
    Options: {},
    Labels:
      network.stack === null
        ? {}
        : {
            'com.docker.compose.network': 'default',
            'com.docker.compose.project': network.stack,
            'com.docker.compose.version': '2.33.1',
          },
  }
}

export function listNetworks(engine: Engine) {
  return engine.host.networks.map((network) => networkDocument(network, {}))
}

/** @throws EngineError 404 when there is no such network. */
export function inspectNetwork(engine: Engine, reference: string) {
  const network = engine.host.networks.find(
    ({ id, name }) => name === reference || (reference.length >= 4 && id.startsWith(reference)),
  )
  if (!network) throw new EngineError(404, `network ${reference} not found`)
  const attached = engine.list().filter((container) => container.slot.network === network && isUp(container))
  return networkDocument(
    network,
    Object.fromEntries(
      attached.map(({ slot, snapshot }) => [
        snapshot.incarnation.id,
        {
          Name: slot.name,
          EndpointID: hexId(slot.seed),
          MacAddress: slot.mac,
          IPv4Address: `${slot.ip}/16`,
          IPv6Address: '',
        },
      ]),
    ),
  )
}

export function listVolumes({ host }: Engine) {
  return host.slots.flatMap((slot) =>
    (slot.replica > 0 ? [] : (slot.template.volumes ?? [])).map((text) => {
      const name = volumeName(slot, text.slice(0, text.indexOf(':')))
      return {
        CreatedAt: goTime(slot.network.createdAt).replace(/\.\d+Z/, 'Z'),
        Driver: 'local',
        Labels: slot.stack === null ? null : { 'com.docker.compose.project': slot.stack },
        Mountpoint: `/var/lib/docker/volumes/${name}/_data`,
        Name: name,
        Options: null,
        Scope: 'local',
        UsageData: { RefCount: 1, Size: between(40, 9000, slot.seed, 31) * MEGABYTE },
      }
    }),
  )
}

export function diskUsage(engine: Engine, containers: readonly unknown[]) {
  const images = imagesOf(engine)
  return {
    LayersSize: images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    Images: listImages(engine).map((image, i) => ({
      ...image,
      SharedSize: 0,
      Containers: images[i]?.containers ?? 0,
    })),
    Containers: containers,
    Volumes: listVolumes(engine),
    BuildCache: [],
  }
}

const KERNEL_BUILD = '2025-03-20T08:12:44.000000000+00:00'

export function versionOf({ engine, os }: Host) {
  return {
    Platform: { Name: 'Docker Engine - Community' },
    Components: [
      {
        Name: 'Engine',
        Version: engine.version,
        Details: {
          ApiVersion: engine.api,
          Arch: 'amd64',
          BuildTime: KERNEL_BUILD,
          Experimental: 'false',
          GitCommit: engine.commit,
          GoVersion: 'go1.23.9',
          KernelVersion: os.kernel,
          MinAPIVersion: '1.24',
          Os: 'linux',
        },
      },
      {
        Name: 'containerd',
        Version: engine.containerd,
        Details: { GitCommit: '05044ec0a9a75232cad458027ca83437aae3f4da' },
      },
      { Name: 'runc', Version: engine.runc, Details: { GitCommit: 'v1.2.5-0-g59923ef' } },
      { Name: 'docker-init', Version: '0.19.0', Details: { GitCommit: 'de40ad0' } },
    ],
    Version: engine.version,
    ApiVersion: engine.api,
    MinAPIVersion: '1.24',
    GitCommit: engine.commit,
    GoVersion: 'go1.23.9',
    Os: 'linux',
    Arch: 'amd64',
    KernelVersion: os.kernel,
    BuildTime: KERNEL_BUILD,
  }
}

export function infoOf(engine: Engine) {
  const { host } = engine
  const all = engine.list()
  const running = all.filter(({ snapshot }) => snapshot.state === 'running').length
  const paused = all.filter(({ snapshot }) => snapshot.state === 'paused').length
  return {
    ID: host.id,
    Containers: all.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: all.length - running - paused,
    Images: imagesOf(engine).length,
    Driver: 'overlay2',
    DriverStatus: [
      ['Backing Filesystem', 'extfs'],
      ['Supports d_type', 'true'],
    ],
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'macvlan', 'null', 'overlay'],
      Authorization: null,
      Log: ['json-file', 'local'],
    },
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: true,
    Debug: false,
    NFd: 40 + all.length * 3,
    OomKillDisable: false,
    NGoroutines: 60 + all.length * 5,
    SystemTime: goTime(engine.clock()),
    LoggingDriver: 'json-file',
    CgroupDriver: 'systemd',
    CgroupVersion: '2',
    NEventsListener: 0,
    KernelVersion: host.os.kernel,
    OperatingSystem: host.os.name,
    OSVersion: host.os.version,
    OSType: 'linux',
    Architecture: 'x86_64',
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: { IndexConfigs: {}, InsecureRegistryCIDRs: ['127.0.0.0/8'], Mirrors: null },
    NCPU: host.cpus,
    MemTotal: host.memoryBytes,
    GenericResources: null,
    DockerRootDir: '/var/lib/docker',
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: host.name,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: host.engine.version,
    Runtimes: { runc: { path: 'runc' } },
    DefaultRuntime: 'runc',
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: false,
    Isolation: '',
    InitBinary: 'docker-init',
    ContainerdCommit: { ID: host.engine.containerd },
    RuncCommit: { ID: host.engine.runc },
    InitCommit: { ID: 'de40ad0' },
    SecurityOptions: ['name=apparmor', 'name=seccomp,profile=builtin', 'name=cgroupns'],
    Warnings: null,
  }
}
