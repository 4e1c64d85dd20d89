import type { SettleRoles } from '../db/storage-control.ts'
import { createCapture, type Role } from './capture.ts'

/**
 * Brings the roles of units in line with their placements, where a crash or a restored backup has left them apart.
 * A unit without a role has no part in a move and is left alone, as is one that is fenced. What an authority had
 * logged when the other store took over is void.
 */
export const settleRoles: SettleRoles = async (stores, decisions) => {
  for (const name of ['sqlite', 'postgres'] as const) {
    const store = stores[name]
    if (!store) continue
    const capture = createCapture(name)
    const units = await store.snapshot((session) => capture.units(session))
    for (const { unit, role, tables } of units) {
      const decision = [...decisions].find(([domain]) => domain === unit)?.[1]
      if (!decision?.placement || decision.fence !== undefined) continue
      const wanted = roleOf(role, decision.placement === name)
      if (wanted === role) continue
      await store.transaction((tx) => capture.setRole(tx, unit, tables, wanted, { discard: true }))
    }
  }
}

function roleOf(role: Role, isHere: boolean): Exclude<Role, 'none'> {
  if (isHere) return 'authority'
  return role === 'retired' ? 'retired' : 'mirror'
}
