import { z } from 'zod'

/** In the order in which findings are shown. */
export const CATEGORIES = [
  'server',
  'configuration',
  'files',
  'disk',
  'clocks',
  'docker',
  'postgres',
  'extensions',
  'activity',
  'schema',
  'storage',
  'sqlite',
  'backups',
] as const

/** What they are called, on the page and on the command line. */
export const CATEGORY_TITLES: Readonly<Record<Category, string>> = {
  server: 'Server',
  configuration: 'Configuration',
  files: 'Files',
  disk: 'Disk',
  clocks: 'Clocks',
  docker: 'Docker',
  postgres: 'PostgreSQL',
  extensions: 'Extensions of PostgreSQL',
  activity: 'What goes on in PostgreSQL',
  schema: 'Schema',
  storage: 'Stores and moves',
  sqlite: 'SQLite',
  backups: 'Backups',
}

/** From bad to good: what is first is shown first. */
export const SEVERITIES = ['error', 'warning', 'info', 'ok'] as const

export const findingSchema = z
  .object({
    id: z.string().meta({ description: 'Stable name of what was found, e.g. `postgres.fsync`' }),
    category: z.enum(CATEGORIES),
    severity: z.enum(SEVERITIES),
    title: z.string(),
    subject: z.string().nullable().meta({ description: 'Which one: a table, an endpoint, a file' }),
    seen: z.string().nullable().meta({ description: 'What was seen' }),
    fix: z.string().nullable().meta({ description: 'What to do about it' }),
    command: z.string().nullable().meta({ description: 'A command or statement that does it' }),
    durationMs: z.number().meta({ description: 'Time of the check that found it' }),
  })
  .meta({ id: 'DoctorFinding' })

export const doctorReportSchema = z
  .object({
    at: z.string(),
    version: z.string(),
    /** `server`: the running server looked; `offline`: the command line did, while no server ran. */
    by: z.enum(['server', 'offline']),
    durationMs: z.number(),
    counts: z.object({ error: z.int(), warning: z.int(), info: z.int(), ok: z.int() }),
    titles: z.record(z.enum(CATEGORIES), z.string()).meta({ description: 'What the categories are called' }),
    findings: z.array(findingSchema),
  })
  .meta({ id: 'DoctorReport' })

export type Category = (typeof CATEGORIES)[number]
export type Severity = (typeof SEVERITIES)[number]
/** A finding as it is reported. */
export type ReportedFinding = z.infer<typeof findingSchema>
export type DoctorReport = z.infer<typeof doctorReportSchema>
