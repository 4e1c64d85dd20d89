export { authRoutes } from './auth.routes.ts'
export { createAuthService } from './auth.service.ts'
export { isLoopbackAddress } from './preview.ts'
