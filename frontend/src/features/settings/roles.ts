import type { Role } from '../../lib/api/types.ts'

/** From the least to the most. */
export const ROLES: readonly Role[] = ['viewer', 'operator', 'admin']
