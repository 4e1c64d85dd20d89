import type { Request, Response } from 'express'
import { z } from 'zod'
import { notFound, unauthorized } from '../core/errors.ts'
import type { AuditEvent } from '../core/http/http-app.ts'
import type { Principal } from '../core/http/principal.ts'
import { defineRoute, type Route } from '../core/http/route.ts'
import { SESSION_MAX_AGE_MS, type SessionsService } from '../sessions/index.ts'
import { User, type UsersService } from '../users/index.ts'
import { AccountPatch, AuthState, Login, PasswordChange, SessionList, Setup } from './auth.schema.ts'
import type { AuthService } from './auth.service.ts'
import { clearSessionCookie, setSessionCookie } from './cookies.ts'

interface AuthRouteDeps {
  readonly auth: AuthService
  readonly users: UsersService
  readonly sessions: SessionsService
  readonly version: string
  readonly publicUrl: string | undefined
  instanceName(): Promise<string>
  audit(event: AuditEvent): Promise<void>
}

export function authRoutes(deps: AuthRouteDeps): Route[] {
  return [...signInRoutes(deps), ...ownAccountRoutes(deps)]
}

function isSecure(req: Request, publicUrl: string | undefined): boolean {
  return req.secure || (publicUrl?.startsWith('https:') ?? false)
}

const clientOf = (req: Request, ip: string) => ({ ip, userAgent: req.get('user-agent') })

function signInRoutes(deps: AuthRouteDeps): Route[] {
  const { auth, users, sessions } = deps
  const tags = ['Sign-in']

  function giveCookie(req: Request, res: Response, token: string): void {
    setSessionCookie(res, token, { secure: isSecure(req, deps.publicUrl), maxAgeMs: SESSION_MAX_AGE_MS })
  }

  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/auth/state',
        summary: 'Who is signed in, and whether the first admin must be made',
        tags,
        access: 'public',
        duringSetup: true,
        responses: { 200: AuthState },
      },
      async ({ principal }) => ({
        setupRequired: !(await users.adminExists()),
        preview: principal.kind === 'preview',
        version: deps.version,
        instanceName: await deps.instanceName(),
        user: principal.userId === null ? null : await users.get(principal.userId),
      }),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/auth/setup',
        summary: 'Make the first admin with the token from the log',
        tags,
        access: 'public',
        duringSetup: true,
        body: Setup,
        responses: { 201: User },
      },
      async ({ body, req, res, ip, requestId }) => {
        const { user, sessionId, token } = await auth.setup(body, clientOf(req, ip))
        const details = { username: user.username, role: user.role }
        const principal = principalOf(user, sessionId)
        const target = { targetType: 'user', targetId: user.id, details }
        await deps.audit({ action: 'auth.setup', principal, requestId, ip, outcome: 'done', ...target })
        giveCookie(req, res, token)
        return user
      },
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/auth/login',
        summary: 'Sign in',
        tags,
        access: 'public',
        body: Login,
        responses: { 200: User },
      },
      async ({ body, req, res, ip, requestId, principal }) => {
        try {
          const { user, sessionId, token } = await auth.login(body, clientOf(req, ip))
          const who = principalOf(user, sessionId)
          await deps.audit({
            action: 'auth.login',
            principal: who,
            requestId,
            ip,
            outcome: 'done',
            targetType: 'session',
            targetId: sessionId,
          })
          giveCookie(req, res, token)
          return user
        } catch (error) {
          const code = codeOf(error)
          if (code === 'bad_credentials') {
            // The name may be a password typed into the wrong field: it is kept only when it has the form of a name.
            const typed = /^[\w.@-]{1,64}$/.test(body.username) ? body.username.toLowerCase() : 'unreadable'
            await deps.audit({
              action: 'auth.login',
              principal,
              requestId,
              ip,
              outcome: 'failed',
              code,
              targetType: 'user',
              targetId: typed,
            })
          }
          throw error
        }
      },
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/auth/logout',
        summary: 'Sign out',
        tags,
        access: 'public',
        responses: { 204: null },
      },
      async ({ principal, req, res, ip, requestId }) => {
        clearSessionCookie(res, { secure: isSecure(req, deps.publicUrl) })
        if (principal.kind !== 'session' || principal.userId === null || principal.credentialId === null)
          return undefined
        await sessions.end(principal.credentialId, principal.userId)
        await deps.audit({
          action: 'auth.logout',
          principal,
          requestId,
          ip,
          outcome: 'done',
          targetType: 'session',
          targetId: principal.credentialId,
        })
        return undefined
      },
    ),
  ]
}

function ownAccountRoutes(deps: AuthRouteDeps): Route[] {
  const { users, sessions } = deps
  const tags = ['Own account']
  return [
    defineRoute(
      {
        method: 'post',
        path: '/api/auth/password',
        summary: 'Change the own password; every other session ends',
        tags,
        access: 'viewer',
        sessionOnly: true,
        body: PasswordChange,
        responses: { 204: null },
        audit: 'auth.password',
      },
      async ({ principal, body, audit }) => {
        const userId = userOf(principal)
        audit({ targetType: 'user', targetId: userId })
        await users.changePassword(userId, body, principal.credentialId ?? undefined)
        return undefined
      },
    ),
    defineRoute(
      {
        method: 'patch',
        path: '/api/auth/account',
        summary: 'Change what belongs to the own account: the page that opens after signing in',
        tags,
        access: 'viewer',
        sessionOnly: true,
        body: AccountPatch,
        responses: { 200: User },
        audit: 'auth.account',
      },
      async ({ principal, body, audit }) => {
        const { before, after } = await users.update(userOf(principal), body)
        audit({
          targetType: 'user',
          targetId: after.id,
          details: {
            before: { defaultLandingPage: before.defaultLandingPage },
            after: { defaultLandingPage: after.defaultLandingPage },
          },
        })
        return after
      },
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/auth/sessions',
        summary: 'Own sessions, the latest used first',
        tags,
        access: 'viewer',
        sessionOnly: true,
        responses: { 200: SessionList },
      },
      async ({ principal }) => ({ items: await sessions.list(userOf(principal), principal.credentialId) }),
    ),
    defineRoute(
      {
        method: 'delete',
        path: '/api/auth/sessions/{id}',
        summary: 'End one of the own sessions',
        tags,
        access: 'viewer',
        sessionOnly: true,
        params: z.object({ id: z.string().min(1).max(64) }),
        responses: { 204: null },
        audit: 'session.end',
      },
      async ({ principal, params, audit }) => {
        audit({ targetType: 'session', targetId: params.id })
        if (!(await sessions.end(params.id, userOf(principal)))) {
          throw notFound('There is no such session', 'session_not_found')
        }
        return undefined
      },
    ),
  ]
}

function userOf(principal: Principal): string {
  if (principal.userId === null) throw unauthorized('Sign in first')
  return principal.userId
}

function principalOf(user: User, sessionId: string): Principal {
  return {
    kind: 'session',
    userId: user.id,
    username: user.username,
    role: user.role,
    scopes: [],
    credentialId: sessionId,
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
