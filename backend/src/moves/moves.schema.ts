import { z } from 'zod'

/** The wire contract of moves: what `/api/storage`, the `storage` room and `holdfast storage --json` say. */

export const placementSchema = z.enum(['sqlite', 'postgres'])

export const moveActionSchema = z.enum([
  'mirror',
  'verify',
  'cutover',
  'rollback',
  'finish',
  'abort',
  'pause',
  'resume',
  'purge',
])
export type MoveAction = z.infer<typeof moveActionSchema>

export const unitStateSchema = z.enum(['settled', 'copying', 'mirroring', 'fenced'])

const tableSchema = z.object({
  table: z.string(),
  /** Rows in the store that holds the domain: counted by the last verify, estimated before. */
  rows: z.int().nullable(),
  /** Rows in the mirror; null without one. */
  mirrorRows: z.int().nullable(),
  bytes: z.int().nullable(),
  mirrorBytes: z.int().nullable(),
  /** Of all rows at the last verify; null before. */
  digest: z.string().nullable(),
  state: z.enum(['settled', 'waiting', 'copying', 'indexing', 'copied']),
  copiedRows: z.int(),
})

const actionSchema = z.object({
  action: moveActionSchema,
  possible: z.boolean(),
  /** Why not, and what to do; empty when it is possible. */
  reasons: z.array(z.string()),
})

export const storageUnitSchema = z
  .object({
    /** Name of the unit: its first domain. */
    unit: z.string(),
    domains: z.array(z.object({ domain: z.string(), title: z.string() })),
    /** Why the domains move together; null for a single one. */
    tie: z.string().nullable(),
    phase: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
    /** Where the truth is; null while it cannot be decided. */
    placement: placementSchema.nullable(),
    epoch: z.int(),
    /** The store that is kept equal, if any. */
    mirror: placementSchema.nullable(),
    /** Where the truth was when the move began: a cut over leads away from it, a rollback back. Null without a mirror. */
    source: placementSchema.nullable(),
    state: unitStateSchema,
    paused: z.boolean(),
    /** Rows of the last move lie guarded in the other store until they are purged. */
    archived: z.boolean(),
    tables: z.array(tableSchema),
    progress: z
      .object({
        copiedRows: z.int(),
        totalRows: z.int(),
        rowsPerSecond: z.number(),
        etaSeconds: z.number().nullable(),
      })
      .nullable(),
    /** Changes not yet applied to the mirror, and the age of the oldest. */
    lag: z.object({ changes: z.int(), seconds: z.number() }).nullable(),
    /** Why the copy is slowed down right now. */
    throttle: z.string().nullable(),
    verify: z
      .object({
        running: z.boolean(),
        at: z.iso.datetime().nullable(),
        rows: z.int(),
        differences: z.int(),
        clean: z.boolean(),
      })
      .nullable(),
    /** Reads that run on the mirror too; null without a complete mirror. */
    shadow: z
      .object({
        /** How many of 100 reads. */
        share: z.number(),
        /** Reads whose answers were compared, since the start of the server. */
        compared: z.int(),
        /** Reads to which the mirror gave another answer. */
        mismatches: z.int(),
        /** Answers that differed while the rows kept changing. */
        undecided: z.int(),
        /** Reads that were left out: too many at once, the product busy, the mirror away, an answer too large. */
        left: z.int(),
        /** Milliseconds in which 95 of 100 compared reads were answered; null when not known. */
        p95Ms: z.object({ source: z.number().nullable(), mirror: z.number().nullable() }),
        /** What differed, newest first. No values. */
        statements: z.array(
          z.object({
            statement: z.string(),
            kind: z.enum(['differs', 'fails']),
            columns: z.array(z.string()),
            sourceRows: z.int(),
            mirrorRows: z.int(),
            count: z.int(),
            at: z.iso.datetime(),
          }),
        ),
      })
      .nullable(),
    quarantine: z.object({ open: z.int(), acknowledged: z.int() }),
    lastFlip: z
      .object({
        at: z.iso.datetime(),
        pauseMs: z.number(),
        to: placementSchema,
        outcome: z.enum(['done', 'aborted']),
        reason: z.string().nullable(),
        /** Both stores say where the unit is now. Otherwise the old one is told again, until it knows. */
        confirmed: z.boolean(),
      })
      .nullable(),
    /** Why the move does not go on by itself, and what to do. */
    error: z.string().nullable(),
    actions: z.array(actionSchema),
  })
  .meta({ id: 'StorageUnit' })
export type StorageUnit = z.infer<typeof storageUnitSchema>

export const storageUnitsSchema = z.object({ items: z.array(storageUnitSchema) })

export const moveLogEntrySchema = z
  .object({
    id: z.int(),
    at: z.iso.datetime(),
    unit: z.string(),
    /** User, `cli`, or null for the product itself. */
    actor: z.string().nullable(),
    action: z.string(),
    epoch: z.int(),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'MoveLogEntry' })
export type MoveLogEntry = z.infer<typeof moveLogEntrySchema>

export const moveLogPageSchema = z.object({ items: z.array(moveLogEntrySchema) })

export const quarantinedRowSchema = z
  .object({
    id: z.int(),
    at: z.iso.datetime(),
    unit: z.string(),
    table: z.string(),
    /** Key values, as JSON text. */
    key: z.string(),
    /** The row as it is in the source: column → { class, text } with bytes in hex. */
    row: z.record(
      z.string(),
      z.object({
        class: z.string(),
        text: z.string().nullable(),
        /** `text` is the bytes in hex, of a text that is no text: with a NUL, or no valid UTF-8. */
        hex: z.literal(true).exactOptional(),
      }),
    ),
    column: z.string().nullable(),
    reason: z.string(),
    message: z.string(),
    suggestion: z.string(),
    state: z.enum(['open', 'acknowledged']),
    acknowledgedBy: z.string().nullable(),
  })
  .meta({ id: 'QuarantinedRow' })
export type QuarantinedRow = z.infer<typeof quarantinedRowSchema>

export const quarantinePageSchema = z.object({ items: z.array(quarantinedRowSchema) })

export const shadowSchema = z.object({
  /** How many of 100 reads run on the mirror too, and are compared; 0 ends it. */
  share: z.number().min(0).max(100),
})

export const acknowledgeSchema = z.object({
  /** Open rows that the caller knows of: another number is refused. */
  rows: z.int().min(1),
})

export const replaySchema = z.object({ replayed: z.int(), left: z.int() })

export const planRequestSchema = z.object({
  /** Names of units. */
  units: z.array(z.string().max(100)).min(1).max(200),
})

export const flipOptionsSchema = z.object({
  /** Rows in quarantine that the caller accepts to leave behind. */
  acknowledge: z.int().min(0).exactOptional(),
  /** Longest pause of writes that is accepted, in milliseconds. */
  budgetMs: z.int().min(1).max(60_000).exactOptional(),
})

const forecastSchema = z.object({
  reason: z.string(),
  column: z.string().nullable(),
  rows: z.int(),
  /** Keys of up to five such rows, as JSON text. */
  examples: z.array(z.string()),
  suggestion: z.string(),
})

export const planSchema = z
  .object({
    generatedAt: z.iso.datetime(),
    units: z.array(
      z.object({
        unit: z.string(),
        domains: z.array(z.string()),
        tie: z.string().nullable(),
        phase: z.int(),
        from: placementSchema,
        to: placementSchema,
        tables: z.array(
          z.object({
            table: z.string(),
            rows: z.int(),
            bytes: z.int(),
            /** Storage classes or types found, against the type in the target. */
            columns: z.array(
              z.object({ column: z.string(), found: z.record(z.string(), z.int()), target: z.string() }),
            ),
            forecast: z.array(forecastSchema),
          }),
        ),
        estimatedSeconds: z.number(),
        estimatedBytes: z.int(),
        /** What keeps the move from starting; empty when nothing does. */
        obstacles: z.array(z.string()),
      }),
    ),
    freeBytes: z.int().nullable(),
  })
  .meta({ id: 'MovePlan' })
export type MovePlan = z.infer<typeof planSchema>

export const rehearsalSchema = z
  .object({
    unit: z.string(),
    seconds: z.number(),
    rows: z.int(),
    quarantined: z.int(),
    differences: z.int(),
    /** Per table: source = target + quarantined, and the digest of both sides. */
    tables: z.array(
      z.object({
        table: z.string(),
        sourceRows: z.int(),
        targetRows: z.int(),
        quarantined: z.int(),
        digest: z.string(),
        equal: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'Rehearsal' })
export type Rehearsal = z.infer<typeof rehearsalSchema>
