/** What a simulated service is, and the usual ones. Registry names end in `.example`. */

export type LogStyle =
  | 'access'
  | 'json'
  | 'logfmt'
  | 'spring'
  | 'ansi'
  | 'postgres'
  | 'redis'
  | 'python'
  | 'plain'

/**
 * What goes wrong with a container, when faults are on.
 * `leak`: memory grows to its limit, OOM kill, restart. `crash-loop`: exits with 1 soon after each start.
 * `bad-deploys`: every third release crash-loops for its first 25 minutes. `flapping`: unhealthy now and then.
 * `job`: runs for minutes, exits with 0, is started again by a scheduler. `done`, `failed`, `paused`, `created`: stays so.
 */
export type Behaviour =
  | 'steady'
  | 'leak'
  | 'crash-loop'
  | 'bad-deploys'
  | 'flapping'
  | 'job'
  | 'done'
  | 'failed'
  | 'paused'
  | 'created'

export interface ServiceTemplate {
  name: string
  image: string
  /** First version; an own image gets a new patch version with each deploy, a vendor's with each upgrade. */
  version: string
  /** `own` is deployed every day or so, `vendor` every few weeks. */
  cadence: 'own' | 'vendor'
  imageMb: number
  /** Mean CPU use in cores. */
  cores: number
  memoryMb: number
  /** No limit when left out. */
  memoryLimitMb?: number
  /** Mean traffic in kB/s: received, sent, read from disk, written to disk. */
  io: readonly [number, number, number, number]
  logs: LogStyle
  /** Mean log lines per second. */
  logRate: number
  command: readonly string[]
  entrypoint?: readonly string[]
  /** `container port` or `published:container port`. */
  ports?: readonly string[]
  env?: readonly string[]
  volumes?: readonly string[]
  healthcheck?: string
  user?: string
  processes?: number
  tty?: boolean
  behaviour?: Behaviour
  /** How many of it a big stack runs. */
  replicas?: number
}

export interface StackTemplate {
  name: string
  /** Share of the load that follows the day: a shop has 0.42, a backup 0. */
  daily: number
  peakHour: number
  services: readonly ServiceTemplate[]
}

type Extra = Partial<Omit<ServiceTemplate, 'name' | 'image' | 'version'>>

export function own(name: string, image: string, version: string, extra: Extra = {}): ServiceTemplate {
  return {
    name,
    image: `registry.acme.example/${image}`,
    version,
    cadence: 'own',
    imageMb: 186,
    cores: 0.12,
    memoryMb: 180,
    memoryLimitMb: 512,
    io: [38, 46, 0.2, 3],
    logs: 'json',
    logRate: 0.8,
    command: ['node', 'dist/main.js'],
    entrypoint: ['docker-entrypoint.sh'],
    user: '1000:1000',
    processes: 11,
    ...extra,
  }
}

export function vendor(name: string, image: string, version: string, extra: Extra = {}): ServiceTemplate {
  return {
    name,
    image,
    version,
    cadence: 'vendor',
    imageMb: 142,
    cores: 0.05,
    memoryMb: 96,
    io: [9, 12, 0.5, 4],
    logs: 'logfmt',
    logRate: 0.15,
    command: [`/usr/local/bin/${name}`],
    processes: 8,
    ...extra,
  }
}

export const postgres = (name: string, database: string, extra: Extra = {}) =>
  vendor(name, 'postgres', '17.2', {
    imageMb: 438,
    cores: 0.28,
    memoryMb: 620,
    memoryLimitMb: 2048,
    io: [52, 88, 120, 340],
    logs: 'postgres',
    logRate: 0.12,
    command: ['postgres', '-c', 'shared_buffers=512MB', '-c', 'max_connections=200'],
    entrypoint: ['docker-entrypoint.sh'],
    ports: ['5432'],
    env: [`POSTGRES_DB=${database}`, `POSTGRES_USER=${database}`, 'POSTGRES_PASSWORD={secret}'],
    volumes: [`${name}:/var/lib/postgresql/data`],
    healthcheck: `pg_isready -U ${database}`,
    processes: 14,
    ...extra,
  })

export const redis = (name: string, extra: Extra = {}) =>
  vendor(name, 'redis', '7.4.1-alpine', {
    imageMb: 41,
    cores: 0.06,
    memoryMb: 84,
    memoryLimitMb: 256,
    io: [64, 71, 0, 6],
    logs: 'redis',
    logRate: 0.02,
    command: ['redis-server', '--appendonly', 'yes'],
    entrypoint: ['docker-entrypoint.sh'],
    ports: ['6379'],
    volumes: [`${name}:/data`],
    healthcheck: 'redis-cli ping',
    processes: 5,
    ...extra,
  })

export const http = (port: number) => `curl -fsS http://127.0.0.1:${port}/healthz || exit 1`
export const database = (user: string, host: string) =>
  `DATABASE_URL=postgres://${user}:{secret}@${host}:5432/${user}`
