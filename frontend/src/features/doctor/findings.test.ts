import { expect, it } from 'vitest'
import type { DoctorFinding } from '../../lib/api/types.ts'
import { byCategory } from './findings.ts'

const finding = (
  category: DoctorFinding['category'],
  severity: DoctorFinding['severity'],
): DoctorFinding => ({
  id: `${category}.${severity}`,
  category,
  severity,
  title: 'title',
  subject: null,
  seen: null,
  fix: null,
  command: null,
  durationMs: 1,
})

it('puts the category with the worst finding first, and leaves out what is fine unless asked', () => {
  const findings = [
    finding('disk', 'info'),
    finding('disk', 'ok'),
    finding('docker', 'ok'),
    finding('schema', 'error'),
    finding('schema', 'warning'),
    finding('sqlite', 'warning'),
  ]
  const shown = (fine: boolean) =>
    byCategory(findings, fine).map((group) => [
      group.category,
      group.findings.map(({ severity }) => severity),
    ])
  expect(shown(false)).toEqual([
    ['schema', ['error', 'warning']],
    ['sqlite', ['warning']],
    ['disk', ['info']],
  ])
  expect(shown(true)).toEqual([
    ['schema', ['error', 'warning']],
    ['sqlite', ['warning']],
    ['disk', ['info', 'ok']],
    ['docker', ['ok']],
  ])
})
