export { monitoringRoutes } from './monitoring.routes.ts'
export { createMonitoringService, type MonitoringService } from './monitoring.service.ts'
export { createMonitoringStore, type FleetCounts } from './monitoring.store.ts'
