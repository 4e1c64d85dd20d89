import { useQuery } from '@tanstack/react-query'
import { authQuery } from './api/queries.ts'
import type { Role, User } from './api/types.ts'

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 }

/** The signed-in user; null in the preview before the first admin exists. */
export function useUser(): User | null {
  return useQuery(authQuery).data?.user ?? null
}

/** Whether the user has at least this role. The server decides; this hides what it would refuse. */
export function useCan(role: Role): boolean {
  const user = useUser()
  return user !== null && RANK[user.role] >= RANK[role]
}
