export { readConfiguration } from './configuration.ts'
export { doctorRoutes } from './doctor.routes.ts'
export { createDoctor } from './doctor.service.ts'
