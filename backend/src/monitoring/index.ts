export { monitoringRoutes } from './monitoring.routes.ts'
export { createMonitoringService } from './monitoring.service.ts'
export { createMonitoringStore } from './monitoring.store.ts'
