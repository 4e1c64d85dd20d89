import type { AuditEntry } from '../../lib/api/types.ts'
import { shortId } from '../../lib/format.ts'

/** Enough of a random id to tell two of them apart; a record that is opened has the whole of it. */
const UUID = /^([0-9a-f]{8})-[0-9a-f-]{27}$/
const DIGEST = /^[0-9a-f]{64}$/

const short = (id: string): string => (DIGEST.test(id) ? shortId(id) : id.replace(UUID, '$1'))

/** The name that a record keeps of its target, which may be gone by now. */
function nameIn(details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null) return undefined
  if ('username' in details && typeof details.username === 'string') return details.username
  if ('name' in details && typeof details.name === 'string') return details.name
  return 'after' in details ? nameIn(details.after) : undefined
}

/** What a record is about, as people call it: `user ben`, `container shop-cart-1 on atlas`. Empty for what has no target. */
export function auditTarget(
  { targetType, targetId, details }: Pick<AuditEntry, 'targetType' | 'targetId' | 'details'>,
  endpointName: (id: number) => string | undefined,
): string {
  const kind = targetType ?? ''
  const id = targetId ?? ''
  const [, endpoint = '', container = ''] = /^(\d+)\/(.+)$/.exec(id) ?? []
  if (kind === 'container' && container !== '') {
    const where = endpointName(Number(endpoint))
    return `${kind} ${short(container)}${where === undefined ? '' : ` on ${where}`}`
  }
  return [kind, nameIn(details) ?? short(id)].filter((part) => part !== '').join(' ')
}
