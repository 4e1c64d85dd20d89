import { defineRoute, type Route } from '../core/http/route.ts'
import { SettingList, SettingsPatch } from './settings.schema.ts'
import type { SettingsService } from './settings.service.ts'

export function settingsRoutes(deps: { settings: SettingsService }): Route[] {
  const { settings } = deps
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/settings',
        summary: 'All settings with value, default and bounds',
        tags: ['Settings'],
        access: 'admin',
        responses: { 200: SettingList },
      },
      async () => ({ items: await settings.list() }),
    ),
    defineRoute(
      {
        method: 'patch',
        path: '/api/settings',
        summary: 'Change settings, all or none',
        tags: ['Settings'],
        access: 'admin',
        body: SettingsPatch,
        responses: { 200: SettingList },
        audit: 'settings.update',
      },
      async ({ body, audit }) => {
        const changes = await settings.update(body.values)
        audit({
          targetType: 'settings',
          targetId: changes.map((change) => change.key).join(','),
          details: { changes },
        })
        return { items: await settings.list() }
      },
    ),
  ]
}
