import { z } from 'zod'
import { ROLES, SCOPES } from '../core/http/principal.ts'
import { PASSWORD_MAX, PASSWORD_MIN } from './passwords.ts'

export const Role = z.enum(ROLES).meta({ id: 'Role' })
export const TokenScope = z.enum(SCOPES).meta({ id: 'TokenScope' })

export const User = z
  .object({
    id: z.string(),
    username: z.string(),
    role: Role,
    createdAt: z.string(),
    updatedAt: z.string(),
    defaultLandingPage: z.string(),
  })
  .meta({ id: 'User' })
export type User = z.infer<typeof User>

export const UserList = z.object({ items: z.array(User) }).meta({ id: 'UserList' })

/** Kept in lower case, so that `Admin` and `admin` are one account. */
export const username = z
  .string()
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9._@-]{0,63}$/,
    'must be 1 to 64 letters, digits, dots, dashes, underscores or @',
  )
  .transform((text) => text.toLowerCase())

export const newPassword = z.string().min(PASSWORD_MIN).max(PASSWORD_MAX)

/** A path within the product: never another site. */
export const landingPage = z
  .string()
  .max(200)
  .regex(/^\/(?![/\\])[\w\-./?=&%]*$/, 'must be a path such as /containers')

export const NewUser = z.object({ username, password: newPassword, role: Role }).meta({ id: 'NewUser' })

export const UserPatch = z
  .object({
    role: Role.optional(),
    password: newPassword.optional(),
    defaultLandingPage: landingPage.optional(),
  })
  .meta({ id: 'UserPatch' })
export type UserPatch = z.output<typeof UserPatch>

export const ApiToken = z
  .object({
    id: z.string(),
    userId: z.string(),
    username: z.string(),
    name: z.string(),
    scopes: z.array(TokenScope),
    createdAt: z.string(),
    lastUsedAt: z.string().nullable(),
    expiresAt: z.string().nullable(),
  })
  .meta({ id: 'ApiToken' })

export const ApiTokenList = z.object({ items: z.array(ApiToken) }).meta({ id: 'ApiTokenList' })

export const NewApiToken = z
  .object({
    name: z.string().trim().min(1).max(100),
    scopes: z.array(TokenScope).min(1).max(SCOPES.length),
    expiresAt: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: 'Never expires when left out' }),
  })
  .meta({ id: 'NewApiToken' })

export const CreatedApiToken = z
  .object({ token: ApiToken, secret: z.string().meta({ description: 'Shown this once' }) })
  .meta({ id: 'CreatedApiToken' })
