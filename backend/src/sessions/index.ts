export { createLoginAttemptsStore } from './login-attempts.store.ts'
export { createLoginLimiter, type LoginLimiter } from './login-limiter.ts'
export { createSessionsService, SESSION_MAX_AGE_MS, type SessionsService } from './sessions.service.ts'
export { createSessionsStore } from './sessions.store.ts'
