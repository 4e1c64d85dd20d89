/** Documents of the Engine API about containers, from the slots and their snapshots. */
import type { Incarnation, Snapshot } from './lifecycle.ts'
import { hexId, mix } from './random.ts'
import { processCount } from './usage.ts'
import { environmentOf, imageIdOf, imageOf, type Slot } from './world.ts'

const NEVER = '0001-01-01T00:00:00Z'
const MEGABYTE = 1024 * 1024

/** RFC 3339 with nine digits, as Go prints it. `nanos` counts within the millisecond. */
export function goTime(timeMs: number | undefined, nanos = 0): string {
  if (timeMs === undefined) return NEVER
  return `${new Date(timeMs).toISOString().slice(0, -1)}${String(nanos).padStart(6, '0')}Z`
}

/** A duration as `docker ps` words it (units.HumanDuration of the docker client library). */
export function humanDuration(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < 60) return `${seconds} seconds`
  const minutes = Math.floor(seconds / 60)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.round(seconds / 3600)
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  const days = Math.floor(hours / 24)
  if (days < 14) return `${days} days`
  if (days < 60) return `${Math.floor(days / 7)} weeks`
  if (days < 730) return `${Math.floor(days / 30)} months`
  return `${Math.floor(days / 365)} years`
}

/** The status text of the container list. */
export function statusText(snapshot: Snapshot, now: number): string {
  const { state, health, startedAt = now, finishedAt = now, exitCode } = snapshot
  const up = `Up ${humanDuration(now - startedAt)}`
  switch (state) {
    case 'created':
      return 'Created'
    case 'running':
      return health === 'none' ? up : `${up} (${health === 'starting' ? 'health: starting' : health})`
    case 'paused':
      return `${up} (Paused)`
    case 'restarting':
      return `Restarting (${exitCode}) ${humanDuration(now - finishedAt)} ago`
    case 'exited':
      return `Exited (${exitCode}) ${humanDuration(now - finishedAt)} ago`
  }
}

export function labelsOf(slot: Slot, incarnation: Incarnation): Record<string, string> {
  const { template, stack } = slot
  const own = template.cadence === 'own'
  const image = imageOf(slot, incarnation.deploy)
  const labels: Record<string, string> = {
    'org.opencontainers.image.title': template.name,
    'org.opencontainers.image.version': image.slice(image.lastIndexOf(':') + 1),
  }
  if (own) {
    labels['org.opencontainers.image.revision'] = hexId(mix(slot.serviceSeed, incarnation.deploy), 40)
    labels['example.acme.team'] = stack?.split('-')[0] ?? 'platform'
  }
  if (template.name === 'registry') {
    labels['traefik.http.middlewares.registry-auth.basicauth.users'] =
      'ci:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/'
  }
  if (stack === null) return labels
  return {
    'com.docker.compose.config-hash': hexId(mix(slot.serviceSeed, incarnation.deploy + 1)),
    'com.docker.compose.container-number': String(slot.replica + 1),
    'com.docker.compose.depends_on': '',
    'com.docker.compose.image': imageIdOf(image),
    'com.docker.compose.oneoff': 'False',
    'com.docker.compose.project': stack,
    'com.docker.compose.project.config_files': `/srv/${stack}/docker-compose.yml`,
    'com.docker.compose.project.working_dir': `/srv/${stack}`,
    'com.docker.compose.service': template.name,
    'com.docker.compose.version': '2.33.1',
    ...labels,
  }
}

function isUp(snapshot: Snapshot): boolean {
  return snapshot.state === 'running' || snapshot.state === 'paused'
}

/** Ports in the list's form: two rows for a published port, IPv4 and IPv6; none while stopped. */
function listedPorts(slot: Slot, snapshot: Snapshot) {
  if (!isUp(snapshot)) return []
  return slot.ports.flatMap(({ container, published }) =>
    published === undefined
      ? [{ PrivatePort: container, Type: 'tcp' }]
      : [
          { IP: '0.0.0.0', PrivatePort: container, PublicPort: published, Type: 'tcp' },
          { IP: '::', PrivatePort: container, PublicPort: published, Type: 'tcp' },
        ],
  )
}

function portBindings(slot: Slot) {
  return Object.fromEntries(
    slot.ports.flatMap(({ container, published }) =>
      published === undefined ? [] : [[`${container}/tcp`, [{ HostIp: '', HostPort: String(published) }]]],
    ),
  )
}

function networksSection(slot: Slot, snapshot: Snapshot) {
  const up = isUp(snapshot)
  const { network, template } = slot
  const names = slot.stack === null ? null : [slot.name, template.name]
  return {
    [network.name]: {
      IPAMConfig: null,
      Links: null,
      Aliases: names,
      MacAddress: up ? slot.mac : '',
      DriverOpts: null,
      GwPriority: 0,
      NetworkID: network.id,
      EndpointID: up ? hexId(mix(slot.seed, snapshot.startedAt ?? 0)) : '',
      Gateway: up ? network.gateway : '',
      IPAddress: up ? slot.ip : '',
      IPPrefixLen: up ? 16 : 0,
      IPv6Gateway: '',
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
      DNSNames: slot.stack === null ? null : [slot.name, template.name, snapshot.incarnation.id.slice(0, 12)],
    },
  }
}

/** Name on this host of a volume named in the catalog. */
export function volumeName(slot: Slot, name: string): string {
  return slot.stack === null ? name : `${slot.stack}_${name}`
}

function mountsOf(slot: Slot) {
  return (slot.template.volumes ?? []).map((text) => {
    const [name = '', destination = ''] = text.split(':')
    const volume = volumeName(slot, name)
    return {
      Type: 'volume',
      Name: volume,
      Source: `/var/lib/docker/volumes/${volume}/_data`,
      Destination: destination,
      Driver: 'local',
      Mode: 'z',
      RW: true,
      Propagation: '',
    }
  })
}

/** One entry of the container list but for `Status`, which alone changes with every second. */
export function summaryOf(slot: Slot, snapshot: Snapshot) {
  const { incarnation } = snapshot
  const { command, entrypoint = [] } = slot.template
  const image = imageOf(slot, incarnation.deploy)
  return {
    Id: incarnation.id,
    Names: [`/${slot.name}`],
    Image: image,
    ImageID: imageIdOf(image),
    Command: [...entrypoint, ...command].join(' '),
    Created: Math.floor(incarnation.createdAt / 1000),
    Ports: listedPorts(slot, snapshot),
    Labels: labelsOf(slot, incarnation),
    State: snapshot.state,
    HostConfig: { NetworkMode: slot.network.name },
    NetworkSettings: { Networks: networksSection(slot, snapshot) },
    Mounts: mountsOf(slot),
  }
}

function healthSection(slot: Slot, snapshot: Snapshot, now: number) {
  if (snapshot.health === 'none') return {}
  const failing = snapshot.health === 'unhealthy'
  const checks = Math.min(5, Math.floor((now - (snapshot.startedAt ?? now)) / 30_000))
  const last = Math.floor(now / 30_000) * 30_000
  return {
    Health: {
      Status: snapshot.health,
      FailingStreak: failing ? Math.max(3, checks) : 0,
      Log: Array.from({ length: checks }, (_, i) => {
        const start = last - (checks - 1 - i) * 30_000 + (slot.seed % 20_000)
        return {
          Start: goTime(start),
          End: goTime(start + 74),
          ExitCode: failing ? 1 : 0,
          Output: failing
            ? 'curl: (28) Operation timed out after 5001 milliseconds with 0 bytes received'
            : 'ok\n',
        }
      }).filter(({ End }) => Date.parse(End) <= now),
    },
  }
}

/** Process id of a running container's first process, stable for one run of it. */
function pidOf(slot: Slot, snapshot: Snapshot): number {
  return isUp(snapshot)
    ? 1000 + (mix(slot.seed, Math.floor((snapshot.startedAt ?? 0) / 1000)) % 3_000_000)
    : 0
}

/** The inspect document. */
export function inspectOf(slot: Slot, snapshot: Snapshot, now: number) {
  const { incarnation, state } = snapshot
  const { id } = incarnation
  const { template } = slot
  const { command, entrypoint = [] } = template
  const [path = '', ...args] = [...entrypoint, ...command]
  const image = imageOf(slot, incarnation.deploy)
  const bindings = portBindings(slot)
  const restartPolicy =
    template.behaviour === 'job' || template.behaviour === 'done' ? 'no' : 'unless-stopped'
  const folder = `/var/lib/docker/containers/${id}`
  const layer = `/var/lib/docker/overlay2/${hexId(mix(slot.seed, incarnation.deploy + 9))}`
  return {
    Id: id,
    Created: goTime(incarnation.createdAt),
    Path: path,
    Args: args,
    State: {
      Status: state,
      Running: isUp(snapshot) || state === 'restarting',
      Paused: state === 'paused',
      Restarting: state === 'restarting',
      OOMKilled: snapshot.oomKilled,
      Dead: false,
      Pid: pidOf(slot, snapshot),
      ExitCode: snapshot.exitCode,
      Error: '',
      StartedAt: goTime(snapshot.startedAt),
      FinishedAt: goTime(snapshot.finishedAt),
      ...healthSection(slot, snapshot, now),
    },
    Image: imageIdOf(image),
    ResolvConfPath: `${folder}/resolv.conf`,
    HostnamePath: `${folder}/hostname`,
    HostsPath: `${folder}/hosts`,
    LogPath: `${folder}/${id}-json.log`,
    Name: `/${slot.name}`,
    RestartCount: snapshot.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: 'docker-default',
    ExecIDs: null,
    HostConfig: {
      Binds: (template.volumes ?? []).map((text) => `${volumeName(slot, text)}:rw`),
      ContainerIDFile: '',
      LogConfig: { Type: 'json-file', Config: { 'max-file': '3', 'max-size': '10m' } },
      NetworkMode: slot.network.name,
      PortBindings: bindings,
      RestartPolicy: { Name: restartPolicy, MaximumRetryCount: 0 },
      AutoRemove: false,
      VolumeDriver: '',
      VolumesFrom: null,
      ConsoleSize: [0, 0],
      CapAdd: template.name === 'crowdsec' ? ['NET_ADMIN', 'NET_RAW'] : null,
      CapDrop: template.cadence === 'own' ? ['ALL'] : null,
      CgroupnsMode: 'private',
      Dns: [],
      DnsOptions: [],
      DnsSearch: [],
      ExtraHosts: [],
      GroupAdd: null,
      IpcMode: 'private',
      Cgroup: '',
      Links: null,
      OomScoreAdj: 0,
      PidMode: '',
      Privileged: template.name === 'cadvisor',
      PublishAllPorts: false,
      ReadonlyRootfs: template.cadence === 'own',
      SecurityOpt: template.cadence === 'own' ? ['no-new-privileges:true'] : null,
      UTSMode: '',
      UsernsMode: '',
      ShmSize: 64 * MEGABYTE,
      Runtime: 'runc',
      Isolation: '',
      CpuShares: 0,
      Memory: slot.memoryLimitBytes ?? 0,
      NanoCpus: template.behaviour === 'job' ? 2_000_000_000 : 0,
      CgroupParent: '',
      BlkioWeight: 0,
      CpuPeriod: 0,
      CpuQuota: 0,
      CpusetCpus: '',
      CpusetMems: '',
      MemoryReservation: 0,
      MemorySwap: (slot.memoryLimitBytes ?? 0) * 2,
      MemorySwappiness: null,
      OomKillDisable: null,
      PidsLimit: template.cadence === 'own' ? 512 : null,
      Ulimits: null,
    },
    GraphDriver: {
      Name: 'overlay2',
      Data: {
        LowerDir: `${layer}-init/diff`,
        MergedDir: `${layer}/merged`,
        UpperDir: `${layer}/diff`,
        WorkDir: `${layer}/work`,
      },
    },
    Mounts: mountsOf(slot),
    Config: {
      Hostname: id.slice(0, 12),
      Domainname: '',
      User: template.user ?? '',
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      ExposedPorts: Object.fromEntries(slot.ports.map(({ container }) => [`${container}/tcp`, {}])),
      Tty: template.tty ?? false,
      OpenStdin: false,
      StdinOnce: false,
      Env: environmentOf(slot),
      Cmd: command,
      ...(template.healthcheck === undefined
        ? {}
        : {
            Healthcheck: {
              Test: ['CMD-SHELL', template.healthcheck],
              Interval: 30_000_000_000,
              Timeout: 5_000_000_000,
              Retries: 3,
            },
          }),
      Image: image,
      Volumes: null,
      WorkingDir: template.cadence === 'own' ? '/app' : '',
      Entrypoint: entrypoint.length > 0 ? entrypoint : null,
      OnBuild: null,
      Labels: labelsOf(slot, incarnation),
    },
    NetworkSettings: {
      Bridge: '',
      SandboxID: isUp(snapshot) ? hexId(mix(slot.seed, 91)) : '',
      SandboxKey: isUp(snapshot) ? `/var/run/docker/netns/${hexId(mix(slot.seed, 91), 12)}` : '',
      Ports: isUp(snapshot)
        ? Object.fromEntries(
            slot.ports.map(({ container, published }) => [
              `${container}/tcp`,
              published === undefined
                ? null
                : ['0.0.0.0', '::'].map((HostIp) => ({ HostIp, HostPort: String(published) })),
            ]),
          )
        : {},
      Networks: networksSection(slot, snapshot),
    },
  }
}

/** Processes of a running container, in the columns of `ps -ef`. */
export function topOf(slot: Slot, snapshot: Snapshot, now: number) {
  const { entrypoint = [], command } = slot.template
  const first = pidOf(slot, snapshot)
  const started = goTime(snapshot.startedAt).slice(11, 16)
  const main = [...entrypoint, ...command].join(' ') || slot.template.name
  const worker = command[0] ?? slot.template.name
  const user = slot.template.user === undefined ? 'root' : '1000'
  // Threads are not processes: a Java service of 60 tasks shows as one or two.
  const processes = Math.min(6, Math.max(1, Math.floor(processCount(slot, now) / 4)))
  return {
    Titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'],
    Processes: Array.from({ length: processes }, (_, i) => [
      user,
      String(first + i),
      String(i === 0 ? first - 21 : first),
      '0',
      started,
      slot.template.tty ? 'pts/0' : '?',
      `00:0${i % 10}:1${(first + i) % 10}`,
      i === 0 ? main : `${worker}: worker ${i}`,
    ]),
  }
}
