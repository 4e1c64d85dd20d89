import { z } from 'zod'

/** A SQLite file that was put away. */
export const storageArchiveSchema = z
  .object({
    /** Its file name. */
    name: z.string(),
    /** Where it is, on the server. */
    path: z.string(),
    archivedAt: z.iso.datetime(),
    /** User, `cli`, or null for the product itself. */
    archivedBy: z.string().nullable(),
    /** Version of the product that put it away. */
    version: z.string(),
    sizeBytes: z.int(),
    /** SHA-256 of the file, in hex. */
    sha256: z.string(),
    /** What is in it; digests are those of a verify. */
    tables: z.array(z.object({ table: z.string(), rows: z.int(), digest: z.string() })),
    /** When the file was deleted; null while it is there. */
    deletedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'StorageArchive' })
export type StorageArchive = z.infer<typeof storageArchiveSchema>

export const storageArchivesSchema = z
  .object({
    /** Whether the SQLite file can be archived now. */
    possible: z.boolean(),
    /** Why not, and what to do; empty when it is possible. */
    reasons: z.array(z.string()),
    /** The SQLite file that is in use; null when there is none. */
    file: z.object({ path: z.string(), sizeBytes: z.int().nullable() }).nullable(),
    /** Newest first; deleted ones too. */
    items: z.array(storageArchiveSchema),
  })
  .meta({ id: 'StorageArchives' })
export type StorageArchives = z.infer<typeof storageArchivesSchema>
