import type { DoctorFinding } from '../../lib/api/types.ts'

export interface FindingGroup {
  readonly category: DoctorFinding['category']
  readonly findings: readonly DoctorFinding[]
}

const RANK = { error: 0, warning: 1, info: 2, ok: 3 } as const

/** Findings by category, the category with the worst one first; the server's order otherwise. */
export function byCategory(findings: readonly DoctorFinding[], withFine: boolean): FindingGroup[] {
  const groups = new Map<DoctorFinding['category'], DoctorFinding[]>()
  for (const finding of findings) {
    if (finding.severity === 'ok' && !withFine) continue
    const group = groups.get(finding.category) ?? []
    groups.set(finding.category, [...group, finding])
  }
  const worst = (group: FindingGroup) => Math.min(...group.findings.map(({ severity }) => RANK[severity]))
  return [...groups]
    .map(([category, found]) => ({ category, findings: found }))
    .toSorted((a, b) => worst(a) - worst(b))
}
