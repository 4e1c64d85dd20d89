import { z } from 'zod'
import { defineRoute, type Route } from '../core/http/route.ts'
import type { TokensService } from './tokens.service.ts'
import {
  ApiTokenList,
  CreatedApiToken,
  NewApiToken,
  NewUser,
  User,
  UserList,
  UserPatch,
} from './users.schema.ts'
import type { UsersService } from './users.service.ts'

const byId = z.object({ id: z.string().min(1).max(64) })

export function usersRoutes(deps: { users: UsersService }): Route[] {
  const { users } = deps
  const tags = ['Users']
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/users',
        summary: 'All users',
        tags,
        access: 'admin',
        responses: { 200: UserList },
      },
      async () => ({ items: await users.list() }),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/users',
        summary: 'Add a user',
        tags,
        access: 'admin',
        body: NewUser,
        responses: { 201: User },
        audit: 'user.create',
      },
      async ({ body, audit }) => {
        const user = await users.create(body)
        audit({
          targetType: 'user',
          targetId: user.id,
          details: { username: user.username, role: user.role },
        })
        return user
      },
    ),
    defineRoute(
      {
        method: 'patch',
        path: '/api/users/{id}',
        summary: 'Change role, password or landing page',
        description: 'A new role or password ends all sessions of the user at once.',
        tags,
        access: 'admin',
        params: byId,
        body: UserPatch,
        responses: { 200: User },
        audit: 'user.update',
      },
      async ({ params, body, audit }) => {
        const { before, after } = await users.update(params.id, body)
        audit({
          targetType: 'user',
          targetId: after.id,
          details: {
            username: after.username,
            before: { role: before.role, defaultLandingPage: before.defaultLandingPage },
            after: { role: after.role, defaultLandingPage: after.defaultLandingPage },
            passwordChanged: body.password !== undefined,
          },
        })
        return after
      },
    ),
    defineRoute(
      {
        method: 'delete',
        path: '/api/users/{id}',
        summary: 'Remove a user with sessions and tokens',
        tags,
        access: 'admin',
        params: byId,
        responses: { 204: null },
        audit: 'user.delete',
      },
      async ({ params, audit }) => {
        const user = await users.remove(params.id)
        audit({
          targetType: 'user',
          targetId: user.id,
          details: { username: user.username, role: user.role },
        })
        return undefined
      },
    ),
  ]
}

export function tokensRoutes(deps: { tokens: TokensService }): Route[] {
  const { tokens } = deps
  const tags = ['API tokens']
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/tokens',
        summary: "The caller's API tokens; everybody's for an admin",
        tags,
        access: 'viewer',
        sessionOnly: true,
        responses: { 200: ApiTokenList },
      },
      async ({ principal }) => ({ items: await tokens.list(principal) }),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/tokens',
        summary: 'Make an API token',
        description:
          'The secret is answered once. A token never does more than its owner may do at that moment.',
        tags,
        access: 'viewer',
        sessionOnly: true,
        body: NewApiToken,
        responses: { 201: CreatedApiToken },
        audit: 'token.create',
      },
      async ({ principal, body, audit }) => {
        const created = await tokens.create(principal, body)
        const { id, name, scopes, expiresAt } = created.token
        audit({ targetType: 'token', targetId: id, details: { name, scopes, expiresAt } })
        return created
      },
    ),
    defineRoute(
      {
        method: 'delete',
        path: '/api/tokens/{id}',
        summary: 'Revoke an API token',
        tags,
        access: 'viewer',
        sessionOnly: true,
        params: byId,
        responses: { 204: null },
        audit: 'token.delete',
      },
      async ({ principal, params, audit }) => {
        audit({ targetType: 'token', targetId: params.id })
        await tokens.remove(principal, params.id)
        return undefined
      },
    ),
  ]
}
