import type { IncomingMessage } from 'node:http'
import { hashToken, newToken, sameSecret } from '../core/crypto/tokens.ts'
import { forbidden, unauthorized } from '../core/errors.ts'
import { isSafeMethod } from '../core/http/origin.ts'
import { ANONYMOUS, hasRole, LOCAL, PREVIEW, type Principal, type Role } from '../core/http/principal.ts'
import type { RouteSpec } from '../core/http/route.ts'
import { sharedRead } from '../core/shared-read.ts'
import type { LoginLimiter, SessionsService } from '../sessions/index.ts'
import type { TokensService, User, UsersService } from '../users/index.ts'
import { bearerToken, sessionCookie } from './cookies.ts'
import { isFromThisMachine, isLocalPeer } from './preview.ts'

/** What is needed to know who sends a request or opens a socket. */
export type ClientRequest = Pick<IncomingMessage, 'headers' | 'httpVersion' | 'socket'>

/** Whoever knows METRICS_TOKEN. */
const SCRAPER: Principal = Object.freeze<Principal>({
  kind: 'token',
  userId: null,
  username: null,
  role: null,
  scopes: ['metrics'],
  credentialId: null,
})

export type AuthService = ReturnType<typeof createAuthService>

export function createAuthService(deps: {
  users: UsersService
  sessions: SessionsService
  tokens: TokensService
  limiter: LoginLimiter
  /** Bound to loopback, and not said to be behind a proxy: only then may there be a preview. */
  previewAllowed: boolean
  /** Bearer token for /metrics alone, from the configuration. */
  metricsToken: string | undefined
  /** Bearer token of the command line on this machine; good for this run of the server. */
  localSecret: string | undefined
}) {
  const { users, sessions, tokens, limiter } = deps

  /** A page sends its requests together: they are known by one look. */
  const fromSession = sharedRead(async (token): Promise<Principal> => {
    const session = await sessions.use(token)
    const user = session && (await users.byId(session.userId))
    if (!session || !user) return ANONYMOUS
    return {
      kind: 'session',
      userId: user.id,
      username: user.username,
      role: user.role,
      scopes: [],
      credentialId: session.id,
    }
  })
  const fromToken = sharedRead(tokens.authenticate)

  const isLocal = (request: ClientRequest, bearer: string) =>
    deps.localSecret !== undefined && sameSecret(bearer, deps.localSecret) && isLocalPeer(request)

  async function fromBearer(bearer: string): Promise<Principal> {
    if (deps.metricsToken !== undefined && sameSecret(bearer, deps.metricsToken)) return SCRAPER
    return fromToken(bearer)
  }

  async function identify(request: ClientRequest, tokenInPayload?: string): Promise<Principal> {
    const bearer = tokenInPayload ?? bearerToken(request)
    if (bearer !== undefined) return isLocal(request, bearer) ? LOCAL : fromBearer(bearer)
    const cookie = sessionCookie(request)
    const principal = cookie === undefined ? ANONYMOUS : await fromSession(cookie)
    if (principal.kind !== 'anonymous') return principal
    return deps.previewAllowed && isFromThisMachine(request) && !(await users.adminExists())
      ? PREVIEW
      : ANONYMOUS
  }

  return {
    /**
     * Who sends this request. A stale cookie is nobody; a wrong bearer token is an error, because whoever sends
     * one means it.
     *
     * @throws {AppError} 401 `invalid_token`
     */
    identify,

    /**
     * The one place that decides whether a principal may call a route.
     *
     * @throws {AppError} 401 `setup_required` or `unauthorized`, 403 with the reason in its code.
     */
    async authorize(route: RouteSpec, principal: Principal, method: string): Promise<void> {
      if (route.access === 'public' && route.duringSetup) return
      if (principal.kind === 'local') {
        // It needs no store: what mends a store must work while the one that holds the users is away.
        if (route.sessionOnly) throw sessionRequired()
        return
      }
      if (!(await users.adminExists())) {
        if (principal.kind === 'preview' && route.preview && isSafeMethod(method)) return
        throw setupRequired()
      }
      if (route.access === 'public') return
      if (principal.kind === 'anonymous' || principal.kind === 'preview') throw unauthorized('Sign in first')
      if (principal.kind === 'token') requireToken(route, principal, method)
      if (route.scope !== undefined && principal.scopes.includes(route.scope)) return
      if (!hasRole(principal.role, route.access)) {
        throw forbidden(`This needs the role ${route.access}`, 'role_required')
      }
    },

    /** The same decision for a room of the sockets. */
    async authorizeRoom(room: { access: Role; preview: boolean }, principal: Principal): Promise<void> {
      if (principal.kind === 'preview') {
        if (room.preview && !(await users.adminExists())) return
        throw setupRequired()
      }
      if (principal.kind === 'anonymous') throw unauthorized('Sign in first')
      if (!hasRole(principal.role, room.access))
        throw forbidden(`This needs the role ${room.access}`, 'role_required')
    },

    /** Whether a socket's principal is still what it was when it connected; role changes end sessions. */
    async stillValid(principal: Principal, bearer: string | undefined): Promise<boolean> {
      switch (principal.kind) {
        case 'session': {
          const active = principal.credentialId !== null && (await sessions.isActive(principal.credentialId))
          const user = active && principal.userId !== null ? await users.byId(principal.userId) : undefined
          return user?.role === principal.role
        }
        case 'token':
          return bearer !== undefined && (await sameToken(principal, bearer))
        case 'local':
          return true
        case 'preview':
          return !(await users.adminExists())
        case 'anonymous':
          return false
      }
    },

    /**
     * @throws {AppError} 401 `bad_credentials`, the same and as late for an unknown name as for a wrong password;
     *   429 `too_many_attempts`.
     */
    async login(
      credentials: { username: string; password: string },
      client: { ip: string; userAgent: string | undefined },
    ): Promise<{ user: User; sessionId: string; token: string }> {
      const name = credentials.username.trim().toLowerCase()
      await limiter.attempt(name, client.ip)
      const user = await users.verify(name, credentials.password)
      if (!user) throw unauthorized('User name or password is not right', 'bad_credentials')
      await limiter.succeeded(name, client.ip)
      const session = await sessions.begin(user, client)
      return { user, sessionId: session.id, token: session.token }
    },

    /** Makes the first admin and signs it in. */
    async setup(
      request: { token: string; username: string; password: string },
      client: { ip: string; userAgent: string | undefined },
    ): Promise<{ user: User; sessionId: string; token: string }> {
      const user = await users.createFirstAdmin(request, hashToken(request.token))
      const session = await sessions.begin(user, client)
      return { user, sessionId: session.id, token: session.token }
    },

    /**
     * Makes sure that somebody can sign in: the admin of an unattended install, or a new setup token.
     *
     * @returns the token, which works once, or the name of the admin that was made; neither when there is one.
     */
    async prepareSetup(
      unattended: { username: string; password: string } | undefined,
    ): Promise<{ token?: string; made?: string }> {
      if (await users.adminExists()) return {}
      if (unattended) {
        const username = unattended.username.toLowerCase()
        await users.create({ ...unattended, username, role: 'admin' })
        return { made: username }
      }
      const token = newToken('')
      await users.setSetupToken(hashToken(token))
      return { token }
    },
  }

  async function sameToken(principal: Principal, bearer: string): Promise<boolean> {
    try {
      const now = await fromBearer(bearer)
      return now.credentialId === principal.credentialId && now.role === principal.role
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'invalid_token') return false
      throw error
    }
  }
}

const setupRequired = () =>
  unauthorized(
    'No admin exists yet. Open the setup address that the log of the server shows.',
    'setup_required',
  )

const sessionRequired = () =>
  forbidden('This is for people: sign in instead of using an API token', 'session_required')

function requireToken(route: RouteSpec, principal: Principal, method: string): void {
  if (route.sessionOnly) throw sessionRequired()
  const writes = principal.scopes.includes('write') || principal.scopes.includes('admin')
  if (!isSafeMethod(method) && !writes)
    throw forbidden('The API token has no scope to change anything', 'scope_required')
}
