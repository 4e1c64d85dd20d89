import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../src/core/config/config.ts'
import type { Check, DoctorContext } from '../src/doctor/check.ts'
import type { ReportedFinding } from '../src/doctor/doctor.schema.ts'
import { runChecks } from '../src/doctor/run-checks.ts'
import type { TestDatabase } from './databases.ts'

/** An installation with a folder and whatever a test gives it. */
export function doctorContext(given: Partial<DoctorContext> = {}): DoctorContext {
  return {
    env: {},
    config: given.config ?? loadConfig({ DATA_DIR: tmpdir() }),
    configProblems: [],
    now: () => new Date(),
    stores: { sqlite: { state: 'absent' }, postgres: { state: 'absent' } },
    status: undefined,
    endpoints: async () => [],
    ...given,
  }
}

/** A store as a context has it. */
export const there = ({ location, store }: TestDatabase) => ({ state: 'there', location, store }) as const

export function storesOf(database: TestDatabase): DoctorContext['stores'] {
  const absent = { state: 'absent' } as const
  return database.db.dialect === 'sqlite'
    ? { sqlite: there(database), postgres: absent }
    : { sqlite: absent, postgres: there(database) }
}

export async function findings(
  checks: readonly Check[],
  given: Partial<DoctorContext> = {},
): Promise<ReportedFinding[]> {
  return (await runChecks(checks, doctorContext(given))).findings
}

/** What is wrong: `severity id`, once each, in the order of the alphabet. */
export const wrong = (found: readonly ReportedFinding[]): string[] =>
  [
    ...new Set(
      found
        .filter(({ severity }) => severity === 'error' || severity === 'warning')
        .map(({ severity, id }) => `${severity} ${id}`),
    ),
  ].toSorted((a, b) => (a < b ? -1 : 1))

export function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'))
  return work(folder).finally(() => rmSync(folder, { recursive: true, force: true }))
}
