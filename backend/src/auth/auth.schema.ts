import { z } from 'zod'
import { landingPage, newPassword, User, username } from '../users/index.ts'

export const AuthState = z
  .object({
    setupRequired: z.boolean(),
    preview: z.boolean().meta({ description: 'No admin yet, and this browser may look round without one' }),
    version: z.string(),
    instanceName: z.string(),
    user: User.nullable(),
  })
  .meta({ id: 'AuthState' })

export const Login = z
  .object({ username: z.string().min(1).max(200), password: z.string().min(1).max(1024) })
  .meta({ id: 'Login' })

export const Setup = z
  .object({ token: z.string().min(1).max(200), username, password: newPassword })
  .meta({ id: 'Setup' })

export const PasswordChange = z
  .object({ currentPassword: z.string().min(1).max(1024), newPassword })
  .meta({ id: 'PasswordChange' })

export const AccountPatch = z.object({ defaultLandingPage: landingPage }).meta({ id: 'AccountPatch' })

export const Session = z
  .object({
    id: z.string(),
    current: z.boolean(),
    userAgent: z.string().nullable(),
    ipAddress: z.string().nullable(),
    createdAt: z.string(),
    lastActiveAt: z.string(),
    expiresAt: z.string(),
  })
  .meta({ id: 'Session' })

export const SessionList = z.object({ items: z.array(Session) }).meta({ id: 'SessionList' })
