import { envSchema, FILE_VARIABLES } from '../../core/config/env.schema.ts'
import { domainNames, placementVariable } from '../../db/domains.ts'
import { type Check, error, type Finding, info, ok, warning } from '../check.ts'
import { variableOf } from '../configuration.ts'

const VARIABLES = new Set([
  ...Object.keys(envSchema.shape),
  ...FILE_VARIABLES.map((name) => `${name}_FILE`),
  'STORAGE_PLACEMENT',
  ...domainNames.map(placementVariable),
  // Of the command line, of compose and of the container image.
  'HOLDFAST_URL',
  'HOLDFAST_TOKEN',
  'HOLDFAST_DOCKER_HOST',
  'HOLDFAST_IMAGE',
  'HOLDFAST_SQLITE',
  'POSTGRES_APP_PASSWORD',
  'DOCKER_GID',
])
/** A variable that begins like this is meant for this product. */
const OWN = /^(HOLDFAST|POSTGRES_APP|STORAGE_PLACEMENT|SAMPLE_INTERVAL|METRICS_TOKEN|HOST_(PROC|SYS|ROOT))_?/
/** Of the older dashboard, which many come from. */
const OLDER: Readonly<Record<string, string>> = {
  SQLITE_PATH: 'DATA_DIR',
  SQLITE_BUSY_TIMEOUT: 'nothing: writers wait for one another',
  JWT_SECRET: 'SECRET_KEY',
  ENCRYPTION_KEY: 'SECRET_KEY',
  DATABASE_URL: 'POSTGRES_APP_URL',
  TIMESCALE_PASSWORD: 'POSTGRES_APP_URL',
  TIMESCALE_MAX_CONNECTIONS: 'POSTGRES_APP_MAX_CONNECTIONS',
  MONITORING_ENABLED: 'the settings',
}

export const configCheck: Check = {
  id: 'config',
  category: 'configuration',
  title: 'the variables',
  async run({ env, config, configProblems, status }) {
    const names = Object.keys(env).filter((name) => (env[name] ?? '').trim() !== '')
    const findings: Finding[] = configProblems.map((problem) =>
      error('config.problem', 'A variable is not valid: the server does not start', {
        subject: variableOf(problem),
        seen: problem,
        fix: 'Correct it where the server gets its variables from (.env, compose file, unit), and start again.',
      }),
    )
    for (const name of names) findings.push(...strangeVariable(name))
    if (env.DOCKER_TLS_VERIFY || env.DOCKER_CERT_PATH) {
      findings.push(
        info('config.docker-tls', 'DOCKER_TLS_VERIFY and DOCKER_CERT_PATH have no effect here', {
          fix: 'Add the engine as an endpoint, with its certificates (Settings, Endpoints).',
        }),
      )
    }
    if (config.adminPassword !== undefined && status !== undefined) {
      findings.push(
        info('config.admin-password', 'ADMIN_PASSWORD is still set', {
          seen: 'It is used once, for the first admin, and can be read by whoever may inspect the process.',
          fix: 'Remove ADMIN_USERNAME and ADMIN_PASSWORD.',
        }),
      )
    }
    const isPlain = config.publicUrl === undefined || config.publicUrl.startsWith('http:')
    if ((config.host === '0.0.0.0' || config.host === '::') && isPlain && config.trustProxy === false) {
      findings.push(
        info('config.plain-http', 'It listens on every address, without TLS', {
          seen: `HOST=${config.host}; PUBLIC_URL is ${config.publicUrl ?? 'not set'} and there is no TRUST_PROXY`,
          fix: 'If others than this machine can reach the port, put a TLS proxy before it and set PUBLIC_URL and TRUST_PROXY.',
        }),
      )
    }
    if (findings.length > 0) return findings
    const own = names.filter((name) => VARIABLES.has(name))
    return [
      ok('config.valid', 'The variables are valid', { seen: `${own.length} are set, the rest has defaults` }),
    ]
  },
}

function strangeVariable(name: string): Finding[] {
  if (VARIABLES.has(name)) return []
  const replacement = OLDER[name]
  if (replacement !== undefined) {
    return [
      info('config.older', 'A variable of the older dashboard has no effect here', {
        subject: name,
        fix: `Remove it; what stands for it here is ${replacement}.`,
      }),
    ]
  }
  const base = name.replace(/_FILE$/, '')
  if (base !== name && VARIABLES.has(base)) {
    return [
      warning('config.no-file', 'This variable cannot be given as a file', {
        subject: name,
        fix: `Set ${base} itself: it is no secret.`,
      }),
    ]
  }
  const meant = [...VARIABLES].find((known) => isNear(name, known))
  if (meant === undefined && !OWN.test(name)) return []
  return [
    warning('config.unknown', 'A variable is not known and has no effect', {
      subject: name,
      fix:
        meant === undefined
          ? 'Remove it, or correct its name: .env.example lists them all.'
          : `Is ${meant} meant?`,
    }),
  ]
}

/** One slip of the finger, two in a long name. */
function isNear(name: string, known: string): boolean {
  const allowed = known.length >= 10 ? 2 : 1
  if (known.length < 6 || Math.abs(name.length - known.length) > allowed) return false
  let row = Array.from({ length: known.length + 1 }, (_, i) => i)
  for (let i = 1; i <= name.length; i++) {
    const next = [i]
    for (let j = 1; j <= known.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (name[i - 1] === known[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return (row[known.length] ?? 0) <= allowed
}
