import { resolve } from 'node:path'
import { z } from 'zod'
import { isSampleSecret } from '../crypto/sample-secrets.ts'
import { LOG_LEVELS } from '../log.ts'

const TRUE = new Set(['true', '1', 'yes', 'on'])
const FALSE = new Set(['false', '0', 'no', 'off'])

/** A whole number written in decimal; `Number('')` and `Number('1e3')` are no numbers to an operator. */
const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))

const ownSecret = (minimumLength: number) =>
  z
    .string()
    .min(minimumLength, `must have at least ${minimumLength} characters`)
    .refine((value) => !isSampleSecret(value), 'is a well-known sample value: choose your own')

const parseUrl = (value: string) => (URL.canParse(value) ? new URL(value) : undefined)

const decoded = (text: string) => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined // a % that begins no escape
  }
}

const postgresUrl = z.string().superRefine((value, context) => {
  const url = parseUrl(value)
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) {
    context.addIssue({
      code: 'custom',
      message: 'must look like postgresql://user:password@host:5432/database',
    })
  } else if (decoded(url.username + url.password + url.pathname) === undefined) {
    context.addIssue({ code: 'custom', message: 'has a % that begins no escape: write it as %25' })
  } else if (isSampleSecret(decoded(url.password) ?? '')) {
    context.addIssue({ code: 'custom', message: 'uses a well-known sample password: choose your own' })
  }
})

const publicUrl = z.string().transform((value, context) => {
  const url = parseUrl(value)
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.username)
    return url.origin
  context.addIssue({ code: 'custom', message: 'must be an origin such as https://holdfast.example.org' })
  return z.NEVER
})

/** What Express takes as `trust proxy`. `true` means one proxy: trusting every hop would let clients choose their address. */
const trustProxy = z.string().transform((value, context): false | number | string[] => {
  const text = value.toLowerCase()
  if (FALSE.has(text)) return false
  if (TRUE.has(text)) return 1
  if (/^\d{1,2}$/.test(text)) return Number(text)
  const parts = text.split(',').map((part) => part.trim())
  if (parts.every((part) => /^(loopback|linklocal|uniquelocal|[\da-f.:]+(\/\d{1,3})?)$/.test(part)))
    return parts
  context.addIssue({
    code: 'custom',
    message: 'must be false, true, a number of proxies, or addresses separated by commas',
  })
  return z.NEVER
})

export const placementSchema = z.enum(['sqlite', 'postgres'], { error: 'must be sqlite or postgres' })
export type ConfiguredPlacement = z.infer<typeof placementSchema>

const path = z.string().transform((value) => resolve(value))

/** Every variable, as text in, as what the code uses out. An empty variable counts as not set. */
export const envSchema = z.object({
  PORT: wholeNumber(0, 65_535).default(3051),
  HOST: z.string().default('127.0.0.1'),
  DATA_DIR: path.default(() => resolve('./data')),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  POSTGRES_APP_URL: postgresUrl.optional(),
  POSTGRES_ADMIN_URL: postgresUrl.optional(),
  POSTGRES_APP_MAX_CONNECTIONS: wholeNumber(1, 200).default(20),
  STORAGE_PLACEMENT: placementSchema.optional(),
  BACKUP_DIR: path.optional(),
  BACKUP_KEY: ownSecret(12).optional(),
  POSTGRES_TOOLS_DIR: path.optional(),
  DOCKER_HOST: z
    .string()
    .regex(/^(unix|tcp|http|https):\/\//, 'must begin with unix://, tcp://, http:// or https://')
    .optional(),
  DOCKER_SOCKET: path.optional(),
  SAMPLE_INTERVAL_SECONDS: wholeNumber(1, 3600).default(10),
  ADMIN_USERNAME: z
    .string()
    .regex(
      /^[a-zA-Z0-9][a-zA-Z0-9._@-]{0,63}$/,
      'must be 1 to 64 letters, digits, dots, dashes, underscores or @',
    )
    .optional(),
  ADMIN_PASSWORD: ownSecret(10).optional(),
  SECRET_KEY: ownSecret(32).optional(),
  METRICS_TOKEN: ownSecret(16).optional(),
  PUBLIC_URL: publicUrl.optional(),
  TRUST_PROXY: trustProxy.default(false),
  SHUTDOWN_TIMEOUT_SECONDS: wholeNumber(1, 600).default(10),
  HOST_PROC: path.default('/proc'),
  HOST_SYS: path.default('/sys'),
  HOST_ROOT: path.default('/'),
})

/** Variables that may be given as `<NAME>_FILE`: the path of a file that holds the value. */
export const FILE_VARIABLES = [
  'POSTGRES_APP_URL',
  'POSTGRES_ADMIN_URL',
  'ADMIN_PASSWORD',
  'SECRET_KEY',
  'METRICS_TOKEN',
  'BACKUP_KEY',
] as const satisfies readonly (keyof z.input<typeof envSchema>)[]
