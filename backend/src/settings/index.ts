export { accessSettings, retentionSettings, type SettingDefinition } from './settings.registry.ts'
export { settingsRoutes } from './settings.routes.ts'
export { createSettingsService, type SettingChange, type SettingsService } from './settings.service.ts'
export { createSettingsStore } from './settings.store.ts'
