import { z } from 'zod'
import { defineRoute, type Route } from '../core/http/route.ts'
import { storageArchiveSchema, storageArchivesSchema } from './archive.schema.ts'
import type { ArchiveService } from './archive.ts'

const tags = ['Storage']

/** The end of the SQLite file, for admins. */
export function archiveRoutes({ archive }: { archive: ArchiveService }): Route[] {
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/storage/archives',
        summary: 'SQLite files that were archived, and whether the one in use can be',
        tags,
        access: 'admin',
        responses: { 200: storageArchivesSchema },
      },
      () => archive.list(),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/storage/archive',
        summary: 'Close the SQLite file, in which nothing is used any more, and put it away',
        description:
          'Every unit must be finished in PostgreSQL. Answers when the file is in its place, with its checksum: ' +
          'all of it is read before.',
        tags,
        access: 'admin',
        responses: { 200: storageArchiveSchema },
        audit: 'storage.archive',
      },
      async ({ principal, audit }) => {
        const archived = await archive.run({ name: principal.username })
        const { name, sha256, sizeBytes } = archived
        audit({ targetType: 'file', targetId: name, details: { sha256, sizeBytes } })
        return archived
      },
    ),
    defineRoute(
      {
        method: 'delete',
        path: '/api/storage/archives/{name}',
        summary: 'Delete an archived SQLite file; what was in it stays known',
        tags,
        access: 'admin',
        params: z.object({ name: z.string().max(100) }),
        responses: { 200: storageArchiveSchema },
        audit: 'storage.archive.delete',
      },
      async ({ params, principal, audit }) => {
        audit({ targetType: 'file', targetId: params.name })
        const deleted = await archive.remove(params.name, { name: principal.username })
        audit({ targetType: 'file', targetId: params.name, details: { sha256: deleted.sha256 } })
        return deleted
      },
    ),
  ]
}
