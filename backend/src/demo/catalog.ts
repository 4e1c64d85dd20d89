/** What runs in the simulated fleet: the stacks of an invented company. Registry names end in `.example`. */

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

function own(name: string, image: string, version: string, extra: Extra = {}): ServiceTemplate {
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

function vendor(name: string, image: string, version: string, extra: Extra = {}): ServiceTemplate {
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

const postgres = (name: string, database: string, extra: Extra = {}) =>
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

const redis = (name: string, extra: Extra = {}) =>
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

const http = (port: number) => `curl -fsS http://127.0.0.1:${port}/healthz || exit 1`
const database = (user: string, host: string) =>
  `DATABASE_URL=postgres://${user}:{secret}@${host}:5432/${user}`

export const STACKS: readonly StackTemplate[] = [
  {
    name: 'shop',
    daily: 0.42,
    peakHour: 19,
    services: [
      vendor('web', 'nginx', '1.27.3', {
        cores: 0.09,
        memoryMb: 38,
        memoryLimitMb: 128,
        io: [140, 620, 1, 9],
        logs: 'access',
        logRate: 3.2,
        ports: ['8080:80', '8443:443'],
        command: ['nginx', '-g', 'daemon off;'],
        entrypoint: ['/docker-entrypoint.sh'],
        processes: 5,
      }),
      own('storefront', 'shop/storefront', '4.18.0', {
        cores: 0.34,
        memoryMb: 310,
        memoryLimitMb: 768,
        ports: ['3000'],
        healthcheck: http(3000),
        env: ['NODE_ENV=production', 'API_URL=http://api:8080', 'SESSION_SECRET={secret}'],
        replicas: 3,
      }),
      own('api', 'shop/api', '2.31.4', {
        cores: 0.52,
        memoryMb: 260,
        memoryLimitMb: 640,
        io: [180, 240, 1, 5],
        logRate: 2.4,
        ports: ['8080'],
        healthcheck: http(8080),
        env: [database('shop', 'db'), 'REDIS_URL=redis://cart:6379/0', 'STRIPE_API_KEY=sk_test_{secret}'],
        replicas: 4,
      }),
      own('checkout', 'shop/checkout', '1.9.2', {
        logs: 'spring',
        cores: 0.31,
        memoryMb: 540,
        memoryLimitMb: 1024,
        imageMb: 312,
        command: ['java', '-XX:MaxRAMPercentage=70', '-jar', '/app/checkout.jar'],
        healthcheck: http(8081),
        ports: ['8081'],
        env: ['SPRING_PROFILES_ACTIVE=prod', 'PAYMENTS_TOKEN={secret}'],
        processes: 47,
        replicas: 2,
      }),
      redis('cart'),
      postgres('db', 'shop', { cores: 0.61, memoryMb: 1180, memoryLimitMb: 4096 }),
      vendor('search', 'elasticsearch', '8.16.1', {
        imageMb: 1310,
        cores: 0.44,
        memoryMb: 1480,
        memoryLimitMb: 2560,
        io: [60, 140, 90, 160],
        logs: 'json',
        logRate: 0.2,
        ports: ['9200', '9300'],
        env: ['discovery.type=single-node', 'ES_JAVA_OPTS=-Xms1g -Xmx1g', 'ELASTIC_PASSWORD={secret}'],
        volumes: ['search:/usr/share/elasticsearch/data'],
        healthcheck: http(9200),
        behaviour: 'flapping',
        processes: 68,
      }),
      own('recommendations', 'shop/recommendations', '0.14.7', {
        logs: 'python',
        cores: 0.38,
        memoryMb: 260,
        memoryLimitMb: 640,
        imageMb: 894,
        command: ['gunicorn', '-w', '4', 'app:app'],
        healthcheck: http(8000),
        env: ['MODEL_PATH=/models/als.bin', 'AWS_SECRET_ACCESS_KEY={secret}'],
        behaviour: 'leak',
      }),
      own('mailer', 'shop/mailer', '1.3.1', { cores: 0.03, memoryMb: 92, logRate: 0.1, io: [4, 18, 0, 1] }),
      own('migrate', 'shop/api', '2.31.4', { behaviour: 'done', command: ['node', 'dist/migrate.js'] }),
    ],
  },
  {
    name: 'payments',
    daily: 0.38,
    peakHour: 18,
    services: [
      own('gateway', 'payments/gateway', '3.2.0', {
        imageMb: 31,
        cores: 0.27,
        memoryMb: 64,
        memoryLimitMb: 256,
        logRate: 1.8,
        command: ['/gateway', '-config', '/etc/gateway.yaml'],
        ports: ['9443:8443'],
        healthcheck: '/gateway -check',
        env: ['ACQUIRER_CLIENT_SECRET={secret}', 'LOG_LEVEL=info'],
        replicas: 3,
      }),
      own('ledger', 'payments/ledger', '1.44.6', {
        logs: 'spring',
        cores: 0.36,
        memoryMb: 720,
        memoryLimitMb: 1536,
        imageMb: 341,
        command: ['java', '-jar', '/app/ledger.jar'],
        ports: ['8080'],
        healthcheck: http(8080),
        env: ['SPRING_DATASOURCE_PASSWORD={secret}', 'SPRING_DATASOURCE_URL=jdbc:postgresql://db/ledger'],
        processes: 52,
        replicas: 2,
      }),
      own('fraud-scorer', 'payments/fraud-scorer', '0.9.3', {
        logs: 'python',
        cores: 0.58,
        memoryMb: 410,
        memoryLimitMb: 1024,
        imageMb: 1120,
        command: ['uvicorn', 'scorer:app', '--port', '8000'],
        healthcheck: http(8000),
        behaviour: 'bad-deploys',
      }),
      own('webhooks', 'payments/webhooks', '2.2.8', {
        cores: 0.11,
        logs: 'logfmt',
        env: ['SIGNING_KEY={secret}'],
      }),
      postgres('db', 'ledger'),
      redis('queue'),
      own('reconcile', 'payments/reconcile', '1.1.0', {
        behaviour: 'job',
        logs: 'logfmt',
        cores: 0.9,
        memoryMb: 220,
        command: ['/reconcile', '--since', '1h'],
      }),
    ],
  },
  {
    name: 'analytics',
    daily: 0.25,
    peakHour: 10,
    services: [
      vendor('kafka', 'apache/kafka', '3.9.0', {
        imageMb: 389,
        cores: 0.47,
        memoryMb: 1320,
        memoryLimitMb: 2048,
        io: [820, 940, 40, 880],
        logs: 'spring',
        logRate: 0.3,
        ports: ['9092'],
        volumes: ['kafka:/var/lib/kafka/data'],
        processes: 91,
      }),
      vendor('clickhouse', 'clickhouse/clickhouse-server', '24.12.2', {
        imageMb: 612,
        cores: 0.83,
        memoryMb: 2900,
        memoryLimitMb: 8192,
        io: [620, 210, 410, 1250],
        logs: 'plain',
        logRate: 0.5,
        ports: ['8123', '9000'],
        env: ['CLICKHOUSE_PASSWORD={secret}'],
        volumes: ['clickhouse:/var/lib/clickhouse'],
        healthcheck: http(8123),
        processes: 212,
      }),
      own('ingest', 'analytics/ingest', '5.0.9', {
        imageMb: 44,
        cores: 0.4,
        memoryMb: 130,
        logs: 'logfmt',
        logRate: 1.1,
        io: [900, 860, 0, 2],
        healthcheck: http(8090),
        replicas: 3,
      }),
      own('report-builder', 'analytics/report-builder', '2.7.1', {
        logs: 'python',
        cores: 0.22,
        memoryMb: 180,
        memoryLimitMb: 512,
        behaviour: 'leak',
        imageMb: 742,
        command: ['celery', '-A', 'reports', 'worker'],
        env: [database('reports', 'metadata'), 'SMTP_PASSWORD={secret}'],
      }),
      vendor('superset', 'apache/superset', '4.1.1', {
        imageMb: 1640,
        cores: 0.14,
        memoryMb: 610,
        memoryLimitMb: 1536,
        logs: 'python',
        ports: ['8088:8088'],
        healthcheck: http(8088),
        env: ['SUPERSET_SECRET_KEY={secret}'],
      }),
      postgres('metadata', 'superset', { cores: 0.05, memoryMb: 160 }),
      own('sessionize', 'analytics/sessionize', '1.8.0', {
        behaviour: 'job',
        logs: 'spring',
        cores: 1.6,
        memoryMb: 900,
        memoryLimitMb: 2048,
      }),
    ],
  },
  {
    name: 'monitoring',
    daily: 0.08,
    peakHour: 9,
    services: [
      vendor('prometheus', 'prom/prometheus', 'v3.0.1', {
        imageMb: 292,
        cores: 0.21,
        memoryMb: 840,
        memoryLimitMb: 2048,
        io: [210, 30, 20, 260],
        ports: ['9090:9090'],
        command: ['--config.file=/etc/prometheus/prometheus.yml', '--storage.tsdb.retention.time=30d'],
        entrypoint: ['/bin/prometheus'],
        volumes: ['prometheus:/prometheus'],
      }),
      vendor('grafana', 'grafana/grafana', '11.4.0', {
        imageMb: 486,
        ports: ['3001:3000'],
        memoryMb: 150,
        env: ['GF_SECURITY_ADMIN_PASSWORD={secret}'],
        healthcheck: http(3000),
      }),
      vendor('loki', 'grafana/loki', '3.3.1', {
        imageMb: 118,
        cores: 0.17,
        memoryMb: 420,
        memoryLimitMb: 1024,
        io: [330, 20, 10, 410],
        ports: ['3100'],
        logRate: 0.6,
      }),
      vendor('alertmanager', 'prom/alertmanager', 'v0.27.0', {
        imageMb: 71,
        cores: 0.01,
        memoryMb: 32,
        ports: ['9093'],
      }),
      vendor('node-exporter', 'prom/node-exporter', 'v1.8.2', {
        imageMb: 24,
        cores: 0.02,
        memoryMb: 18,
        logRate: 0.01,
      }),
      vendor('cadvisor', 'gcr.io/cadvisor/cadvisor', 'v0.49.1', {
        imageMb: 81,
        cores: 0.12,
        memoryMb: 110,
        logs: 'plain',
        healthcheck: http(8080),
      }),
      vendor('blackbox', 'prom/blackbox-exporter', 'v0.25.0', { imageMb: 23, cores: 0.01, memoryMb: 21 }),
    ],
  },
  {
    name: 'identity',
    daily: 0.36,
    peakHour: 9,
    services: [
      vendor('keycloak', 'quay.io/keycloak/keycloak', '26.0.7', {
        imageMb: 443,
        cores: 0.24,
        memoryMb: 690,
        memoryLimitMb: 1536,
        logs: 'spring',
        logRate: 0.3,
        ports: ['8090:8080'],
        env: ['KC_DB=postgres', 'KC_DB_PASSWORD={secret}', 'KC_BOOTSTRAP_ADMIN_PASSWORD={secret}'],
        healthcheck: http(9000),
        processes: 61,
      }),
      postgres('db', 'keycloak', { cores: 0.08, memoryMb: 210 }),
      own('profile-api', 'identity/profile-api', '1.22.0', {
        healthcheck: http(8080),
        env: ['JWT_SIGNING_KEY={secret}'],
        replicas: 2,
      }),
      own('legacy-sync', 'identity/legacy-sync', '0.3.2', {
        logs: 'plain',
        behaviour: 'crash-loop',
        cores: 0.05,
        memoryMb: 42,
        command: ['python', 'sync.py', '--ldap', 'ldap://directory.acme.example'],
        env: ['LDAP_BIND_PASSWORD={secret}'],
      }),
    ],
  },
  {
    name: 'edge',
    daily: 0.34,
    peakHour: 20,
    services: [
      vendor('traefik', 'traefik', 'v3.2.3', {
        imageMb: 181,
        cores: 0.16,
        memoryMb: 74,
        io: [720, 760, 0, 12],
        logs: 'access',
        logRate: 4.1,
        ports: ['80:80', '443:443'],
        healthcheck: 'traefik healthcheck --ping',
      }),
      vendor('oauth2-proxy', 'quay.io/oauth2-proxy/oauth2-proxy', 'v7.7.1', {
        imageMb: 32,
        env: ['OAUTH2_PROXY_CLIENT_SECRET={secret}', 'OAUTH2_PROXY_COOKIE_SECRET={secret}'],
        memoryMb: 24,
      }),
      vendor('crowdsec', 'crowdsecurity/crowdsec', 'v1.6.4', { memoryMb: 160, cores: 0.07, logRate: 0.4 }),
      vendor('geoip', 'maxmindinc/geoipupdate', 'v7.1.0', {
        behaviour: 'job',
        memoryMb: 16,
        cores: 0.2,
        logs: 'plain',
      }),
    ],
  },
  {
    name: 'delivery',
    daily: 0.4,
    peakHour: 11,
    services: [
      vendor('gitea', 'gitea/gitea', '1.22.6', {
        imageMb: 174,
        cores: 0.13,
        memoryMb: 240,
        logs: 'ansi',
        ports: ['3002:3000', '2222:22'],
        volumes: ['gitea:/data'],
        healthcheck: http(3000),
      }),
      vendor('runner', 'gitea/act_runner', '0.2.11', {
        cores: 1.1,
        memoryMb: 480,
        memoryLimitMb: 2048,
        logs: 'ansi',
        logRate: 1.5,
        tty: true,
        io: [420, 60, 260, 930],
        replicas: 3,
      }),
      vendor('registry', 'registry', '2.8.3', {
        imageMb: 26,
        memoryMb: 48,
        io: [260, 840, 190, 240],
        ports: ['5000:5000'],
        volumes: ['registry:/var/lib/registry'],
        env: ['REGISTRY_HTTP_SECRET={secret}'],
        logRate: 0.5,
      }),
      vendor('preview', 'registry.acme.example/delivery/preview', '0.41.0', {
        cadence: 'own',
        logs: 'ansi',
        tty: true,
        command: ['npm', 'run', 'dev'],
        memoryMb: 340,
        memoryLimitMb: 1024,
        cores: 0.09,
        logRate: 0.4,
      }),
      vendor('sandbox', 'alpine', '3.21', {
        behaviour: 'paused',
        imageMb: 8,
        memoryMb: 2,
        cores: 0.01,
        logs: 'plain',
        command: ['sleep', 'infinity'],
      }),
    ],
  },
  {
    name: 'collab',
    daily: 0.41,
    peakHour: 10,
    services: [
      vendor('mattermost', 'mattermost/mattermost-team-edition', '10.3.1', {
        imageMb: 701,
        cores: 0.18,
        memoryMb: 310,
        logs: 'json',
        ports: ['8065:8065'],
        healthcheck: http(8065),
        env: ['MM_SQLSETTINGS_DATASOURCE=postgres://mm:{secret}@db:5432/mm'],
      }),
      postgres('db', 'mm', { cores: 0.09, memoryMb: 230 }),
      vendor('outline', 'outlinewiki/outline', '0.81.1', {
        imageMb: 633,
        memoryMb: 280,
        logs: 'json',
        ports: ['3003:3000'],
        env: ['SECRET_KEY={secret}', 'UTILS_SECRET={secret}'],
      }),
      redis('redis'),
      vendor('minio', 'minio/minio', 'RELEASE.2024-12-18T13-15-44Z', {
        imageMb: 164,
        memoryMb: 190,
        io: [180, 320, 160, 220],
        ports: ['9002:9000', '9003:9001'],
        env: ['MINIO_ROOT_USER=minio', 'MINIO_ROOT_PASSWORD={secret}'],
        volumes: ['minio:/data'],
        logs: 'plain',
      }),
      vendor('jitsi-jvb', 'jitsi/jvb', 'stable-9823', {
        cores: 0.6,
        memoryMb: 410,
        io: [1400, 2600, 0, 2],
        logs: 'spring',
        behaviour: 'flapping',
        healthcheck: http(8080),
      }),
    ],
  },
  {
    name: 'warehouse',
    daily: 0.3,
    peakHour: 8,
    services: [
      vendor('mosquitto', 'eclipse-mosquitto', '2.0.20', {
        imageMb: 21,
        memoryMb: 14,
        ports: ['1883:1883'],
        logs: 'plain',
        logRate: 0.6,
      }),
      own('scanner-bridge', 'warehouse/scanner-bridge', '1.6.3', {
        logs: 'plain',
        cores: 0.04,
        memoryMb: 58,
        behaviour: 'bad-deploys',
      }),
      vendor('influxdb', 'influxdb', '2.7.11', {
        imageMb: 398,
        cores: 0.19,
        memoryMb: 520,
        memoryLimitMb: 1536,
        io: [90, 40, 30, 310],
        env: ['DOCKER_INFLUXDB_INIT_ADMIN_TOKEN={secret}'],
        volumes: ['influxdb:/var/lib/influxdb2'],
      }),
      own('label-printer', 'warehouse/label-printer', '1.0.14', { memoryMb: 70, cores: 0.02, logRate: 0.2 }),
      own('stock-import', 'warehouse/stock-import', '0.8.1', { behaviour: 'failed', logs: 'python' }),
    ],
  },
  {
    name: 'backup',
    daily: 0,
    peakHour: 2,
    services: [
      vendor('restic', 'restic/restic', '0.17.3', {
        behaviour: 'job',
        cores: 0.7,
        memoryMb: 210,
        io: [20, 1800, 2100, 60],
        env: ['RESTIC_PASSWORD={secret}'],
        logs: 'plain',
        logRate: 0.6,
      }),
      vendor('pg-dump', 'postgres', '17.2', {
        behaviour: 'job',
        cores: 0.3,
        memoryMb: 60,
        logs: 'plain',
        env: ['PGPASSWORD={secret}'],
      }),
      vendor('verify', 'restic/restic', '0.17.3', {
        behaviour: 'created',
        logs: 'plain',
        command: ['check', '--read-data-subset=2%'],
      }),
    ],
  },
]

/** Containers that belong to no stack: one or two on each host. */
export const STANDALONE: readonly ServiceTemplate[] = [
  vendor('portainer_agent', 'portainer/agent', '2.24.1', {
    imageMb: 171,
    memoryMb: 32,
    cores: 0.02,
    ports: ['9001:9001'],
    logs: 'plain',
    env: ['AGENT_SECRET={secret}'],
  }),
  vendor('watchtower', 'containrrr/watchtower', '1.7.1', {
    imageMb: 15,
    memoryMb: 14,
    cores: 0.01,
    logRate: 0.02,
  }),
]

/** Prefixes of further copies of the stacks, when there is room for more than one of each. */
export const TENANTS: readonly string[] = [
  'eu',
  'us',
  'apac',
  'staging',
  'qa',
  'demo',
  'north',
  'south',
  'east',
  'west',
]
