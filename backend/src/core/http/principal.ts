export const ROLES = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** `read`: safe methods as viewer. `write`: as operator. `admin`: as admin. `metrics`: GET /metrics alone. */
export const SCOPES = ['read', 'write', 'admin', 'metrics'] as const
export type Scope = (typeof SCOPES)[number]

/** Who a request comes from, decided once per request and once per socket. */
export interface Principal {
  readonly kind: 'anonymous' | 'preview' | 'session' | 'token' | 'local'
  readonly userId: string | null
  readonly username: string | null
  /** What it may do: for a token the lower of its scopes and its owner's role. Null may use public routes only. */
  readonly role: Role | null
  readonly scopes: readonly Scope[]
  /** Id of the session, or of the token; never the secret itself. */
  readonly credentialId: string | null
}

export const ANONYMOUS: Principal = Object.freeze({
  kind: 'anonymous',
  userId: null,
  username: null,
  role: null,
  scopes: [],
  credentialId: null,
})

/** Somebody on this machine looking round before the first admin exists. */
export const PREVIEW: Principal = Object.freeze<Principal>({
  kind: 'preview',
  userId: null,
  username: null,
  role: 'viewer',
  scopes: ['read'],
  credentialId: null,
})

/** The command line on this machine: whoever may read the data folder may do everything with it anyway. */
export const LOCAL: Principal = Object.freeze<Principal>({
  kind: 'local',
  userId: null,
  username: 'cli',
  role: 'admin',
  scopes: ['admin'],
  credentialId: null,
})

export function hasRole(actual: Role | null, needed: Role): boolean {
  return actual !== null && ROLES.indexOf(actual) >= ROLES.indexOf(needed)
}
