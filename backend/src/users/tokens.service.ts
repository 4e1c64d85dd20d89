import { randomUUID } from 'node:crypto'
import { hashToken, newToken } from '../core/crypto/tokens.ts'
import { forbidden, invalid, notFound, unauthorized } from '../core/errors.ts'
import { hasRole, type Principal, ROLES, type Role, type Scope } from '../core/http/principal.ts'
import type { TokenRow, TokensStore } from './tokens.store.ts'

const TOKEN_PREFIX = 'hf_'

const SCOPE_ROLES: Readonly<Record<Scope, Role | null>> = {
  read: 'viewer',
  write: 'operator',
  admin: 'admin',
  metrics: null,
}

export type TokensService = ReturnType<typeof createTokensService>

export function createTokensService(deps: { store: TokensStore; clock: () => Date }) {
  const { store } = deps
  const uses = new Map<string, string>()
  const now = () => deps.clock().toISOString()

  return {
    /**
     * Who bears this token: its owner, with the role that both the scopes and the owner's present role allow.
     *
     * @throws {AppError} 401 `invalid_token`
     */
    async authenticate(secret: string): Promise<Principal> {
      const row = secret.startsWith(TOKEN_PREFIX) ? await store.byHash(hashToken(secret)) : undefined
      if (!row || (row.expires_at !== null && row.expires_at <= now())) {
        throw unauthorized('This API token is not valid (any more)', 'invalid_token')
      }
      uses.set(row.id, now())
      return {
        kind: 'token',
        userId: row.user_id,
        username: row.username,
        role: cappedRole(row.scopes, row.role),
        scopes: row.scopes,
        credentialId: row.id,
      }
    },

    /** The caller's tokens; an admin sees everybody's. */
    async list(principal: Principal) {
      const rows = await store.list(principal.role === 'admin' ? undefined : ownerOf(principal))
      return rows.map(toToken)
    },

    /** @throws {AppError} 403 for a scope beyond the caller's own role. */
    async create(
      principal: Principal,
      token: { name: string; scopes: readonly Scope[]; expiresAt?: string | undefined },
    ) {
      for (const scope of token.scopes) {
        const role = SCOPE_ROLES[scope] ?? 'viewer'
        if (!hasRole(principal.role, role))
          throw forbidden(`The scope ${scope} needs the role ${role}`, 'scope_beyond_role')
      }
      const expiresAt = token.expiresAt === undefined ? null : new Date(token.expiresAt).toISOString()
      if (expiresAt !== null && expiresAt <= now()) throw invalid('body.expiresAt: is in the past')
      const userId = ownerOf(principal)
      const secret = newToken(TOKEN_PREFIX)
      const row = {
        id: randomUUID(),
        userId,
        name: token.name,
        scopes: [...new Set(token.scopes)],
        at: now(),
        expiresAt,
      }
      await store.insert({ ...row, tokenHash: hashToken(secret) })
      const created = {
        id: row.id,
        userId,
        username: principal.username ?? '',
        name: row.name,
        scopes: row.scopes,
        createdAt: row.at,
        lastUsedAt: null,
        expiresAt,
      }
      return { token: created, secret }
    },

    async remove(principal: Principal, id: string): Promise<void> {
      const owner = principal.role === 'admin' ? undefined : ownerOf(principal)
      if (!(await store.remove(id, owner))) throw notFound('There is no such token', 'token_not_found')
    },

    /** Writes when tokens were last used; they are collected, because every request would write otherwise. */
    async flush(): Promise<void> {
      if (uses.size === 0) return
      const batch = new Map(uses)
      uses.clear()
      await store.touch(batch)
    },
  }
}

function ownerOf(principal: Principal): string {
  if (principal.userId === null) throw unauthorized('Sign in first')
  return principal.userId
}

/** The lower of what the scopes grant and what the owner may do now. */
export function cappedRole(scopes: readonly Scope[], ownerRole: string): Role | null {
  const granted = ROLES.findLast((role) => scopes.some((scope) => SCOPE_ROLES[scope] === role))
  const owner = ROLES.find((role) => role === ownerRole)
  if (granted === undefined || owner === undefined) return null
  return hasRole(owner, granted) ? granted : owner
}

function toToken(row: TokenRow) {
  return {
    id: row.id,
    userId: row.user_id,
    username: row.username,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
  }
}
