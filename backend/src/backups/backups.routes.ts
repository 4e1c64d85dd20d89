import { dirname } from 'node:path'
import { z } from 'zod'
import { defineRoute, type Route } from '../core/http/route.ts'
import { backupDetailSchema, backupListSchema, lossSchema, operationSchema } from './backups.schema.ts'
import type { BackupsService } from './backups.service.ts'
import { maintenanceSchema } from './maintenance.ts'

const tags = ['Backups']
const nameParams = z.object({ name: z.string().max(200) })

/** Backups, for admins: whoever has one has everything. */
export function backupsRoutes(deps: { backups: BackupsService }): Route[] {
  const { backups } = deps
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/maintenance',
        summary: 'Whether a restore is exchanging the stores now',
        tags,
        access: 'public',
        duringSetup: true,
        responses: { 200: maintenanceSchema },
      },
      async ({ res }) => {
        res.setHeader('Cache-Control', 'no-store')
        return { maintenance: null }
      },
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/backups',
        summary: 'Every backup, what else lies in their folder, and what is under way',
        tags,
        access: 'admin',
        responses: { 200: backupListSchema },
      },
      () => backups.listBackups(),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/backups',
        summary: 'Begin to make a backup and to prove it',
        tags,
        access: 'admin',
        responses: { 202: operationSchema },
        audit: 'backup.create',
      },
      async ({ principal }) => backups.createBackup(principal.username),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/backups/cancel',
        summary: 'End the operation that runs; it leaves nothing behind',
        tags,
        access: 'admin',
        responses: { 204: null },
        audit: 'backup.cancel',
      },
      async () => {
        backups.cancel()
        return undefined
      },
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/backups/upload',
        summary: 'Take a backup from elsewhere; the body is its file',
        tags,
        access: 'admin',
        query: z.object({ name: z.string().max(200) }),
        responses: { 201: backupDetailSchema },
        audit: 'backup.upload',
      },
      async ({ query, req, audit }) => {
        audit({ targetType: 'backup', targetId: query.name })
        return backups.upload(query.name, req)
      },
    ),
    defineRoute(
      {
        method: 'delete',
        path: '/api/backups/set-aside/{name}',
        summary: 'Drop what a restore has replaced; it cannot be brought back',
        tags,
        access: 'admin',
        params: nameParams,
        responses: { 204: null },
        audit: 'backup.drop-set-aside',
      },
      async ({ params }) => {
        await backups.dropSetAside(params.name)
        return undefined
      },
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/backups/{name}',
        summary: 'One backup, with its tables',
        tags,
        access: 'admin',
        params: nameParams,
        responses: { 200: backupDetailSchema },
      },
      ({ params }) => backups.getBackup(params.name),
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/backups/{name}/file',
        summary: 'Download a backup; ranges are served',
        tags,
        access: 'admin',
        params: nameParams,
        responses: { 200: { contentType: 'application/x-tar', description: 'The file' } },
        audit: 'backup.download',
      },
      async ({ params, res }) => {
        const path = await backups.getBackupPath(params.name)
        res.setHeader('Content-Disposition', `attachment; filename="${params.name}"`)
        await new Promise<void>((resolve, reject) => {
          res.sendFile(
            params.name,
            {
              root: dirname(path),
              dotfiles: 'deny',
              cacheControl: false,
              headers: { 'Cache-Control': 'no-store' },
            },
            // A client that has gone is no failure of ours.
            (error) => (error && !res.headersSent ? reject(error) : resolve()),
          )
        })
        return undefined
      },
    ),
    defineRoute(
      {
        method: 'delete',
        path: '/api/backups/{name}',
        summary: 'Delete a backup',
        tags,
        access: 'admin',
        params: nameParams,
        responses: { 204: null },
        audit: 'backup.delete',
      },
      async ({ params }) => {
        await backups.deleteBackup(params.name)
        return undefined
      },
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/backups/{name}/prove',
        summary: 'Begin to restore a backup into a scratch database and to compare every row',
        tags,
        access: 'admin',
        params: nameParams,
        responses: { 202: operationSchema },
        audit: 'backup.prove',
      },
      ({ params, principal }) => backups.prove(params.name, principal.username),
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/backups/{name}/loss',
        summary: 'What going back to a backup would lose: rows that are newer, by table',
        tags,
        access: 'admin',
        params: nameParams,
        responses: { 200: lossSchema },
      },
      ({ params }) => backups.loss(params.name),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/backups/{name}/restore',
        summary: 'Begin to restore a backup; the server restarts at its end and everybody is signed out',
        tags,
        access: 'admin',
        params: nameParams,
        body: z.object({ confirm: z.string().max(200).meta({ description: 'The name once more' }) }),
        responses: { 202: operationSchema },
        audit: 'backup.restore',
      },
      ({ params, body, principal }) => backups.restoreBackup(params.name, body.confirm, principal.username),
    ),
  ]
}
