import { z } from 'zod'

export const backupSchema = z
  .object({
    name: z.string(),
    bytes: z.int(),
    createdAt: z.string().meta({ description: 'Of the file, where the backup itself cannot be read' }),
    reason: z.enum(['manual', 'scheduled', 'safety']).nullable(),
    version: z.string().nullable().meta({ description: 'Of the product that made it' }),
    encrypted: z.boolean(),
    stores: z.array(z.enum(['sqlite', 'postgres'])),
    domains: z.object({ sqlite: z.int(), postgres: z.int() }),
    tables: z.int(),
    rows: z.int(),
    provedAt: z.string().nullable().meta({ description: 'When it was restored and compared as a whole' }),
    proveProblem: z.string().nullable(),
    problem: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'Backup' })

export const otherFileSchema = z
  .object({
    name: z.string(),
    bytes: z.int(),
    modifiedAt: z.string(),
    kind: z.enum(['copy', 'old', 'link', 'folder', 'foreign']).meta({
      description:
        'copy: SQLite file taken before a cut over; old: another SQLite file, e.g. a backup of the older dashboard; link: not followed',
    }),
  })
  .meta({ id: 'BackupOtherFile' })

export const setAsideSchema = z
  .object({
    name: z.string(),
    kind: z.enum(['database', 'file']),
    bytes: z.int().nullable(),
  })
  .meta({ id: 'BackupSetAside', description: 'What a restore has replaced' })

export const operationSchema = z
  .object({
    kind: z.enum(['create', 'prove', 'restore']),
    name: z.string().nullable(),
    step: z.enum(['starting', 'copying', 'dumping', 'restoring', 'comparing', 'saving', 'swapping']),
    share: z
      .number()
      .nullable()
      .meta({ description: 'Of this step, from 0 to 1; null where nobody can tell' }),
    startedAt: z.string(),
    by: z.string().nullable(),
  })
  .meta({ id: 'BackupOperation' })

export const outcomeSchema = z
  .object({
    kind: z.enum(['create', 'prove', 'restore']),
    name: z.string().nullable(),
    at: z.string(),
    outcome: z.enum(['done', 'failed', 'cancelled']),
    code: z.string().nullable(),
    message: z.string().nullable(),
    by: z.string().nullable(),
    /** Of a restore: the backup of what was there before. */
    safety: z.string().nullable(),
  })
  .meta({ id: 'BackupOutcome' })
export type Outcome = z.infer<typeof outcomeSchema>

export const backupListSchema = z
  .object({
    items: z.array(backupSchema).meta({ description: 'Newest first' }),
    others: z.array(otherFileSchema),
    setAside: z.array(setAsideSchema),
    operation: operationSchema.nullable(),
    last: outcomeSchema.nullable(),
    folder: z.string(),
    freeBytes: z.int(),
    encrypts: z.boolean().meta({ description: 'BACKUP_KEY is set' }),
    nextAt: z.string().nullable().meta({ description: 'When the next one is made by itself' }),
    schedule: z.string().nullable(),
    timeZone: z.string(),
  })
  .meta({ id: 'BackupList' })

export const backupDetailSchema = z
  .object({
    backup: backupSchema,
    stores: z.array(
      z.object({
        store: z.enum(['sqlite', 'postgres']),
        version: z.string(),
        extensions: z.array(z.object({ name: z.string(), version: z.string() })),
        tables: z.array(z.object({ table: z.string(), rows: z.int() })),
      }),
    ),
  })
  .meta({ id: 'BackupDetail' })

export const lossSchema = z
  .object({
    since: z.string(),
    tables: z.array(
      z.object({
        table: z.string(),
        domain: z.string(),
        newer: z.int().nullable().meta({ description: 'Rows newer than the backup, which would be gone' }),
        current: z.int().meta({ description: 'Rows that it has now' }),
        restored: z.int().meta({ description: 'Rows that it would have' }),
      }),
    ),
    obstacle: z
      .object({ code: z.string(), message: z.string() })
      .nullable()
      .meta({ description: 'Why it cannot be restored now' }),
  })
  .meta({ id: 'BackupLoss' })

export type Backup = z.infer<typeof backupSchema>
export type BackupList = z.infer<typeof backupListSchema>
export type BackupDetail = z.infer<typeof backupDetailSchema>
export type BackupLoss = z.infer<typeof lossSchema>
export type Operation = z.infer<typeof operationSchema>
