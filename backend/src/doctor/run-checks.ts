import { VERSION } from '../core/version.ts'
import type { Check, DoctorContext, Finding } from './check.ts'
import {
  CATEGORIES,
  CATEGORY_TITLES,
  type DoctorReport,
  type ReportedFinding,
  SEVERITIES,
  type Severity,
} from './doctor.schema.ts'

const LIMIT_MS = 10_000
/** Checks that run at a time: there is no hurry, and the machine has other work. */
const CONCURRENCY = 4

/**
 * Runs every check, each within its limit. One that fails or takes too long is a finding, and hides no other.
 * Never rejects.
 */
export async function runChecks(
  checks: readonly Check[],
  context: DoctorContext,
): Promise<Pick<DoctorReport, 'durationMs' | 'counts' | 'findings'>> {
  const startedMs = performance.now()
  const found: ReportedFinding[] = []
  const waiting = [...checks]
  const worker = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift())
      found.push(...(await run(check, context)))
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  const findings = found.toSorted(
    (a, b) =>
      CATEGORIES.indexOf(a.category) - CATEGORIES.indexOf(b.category) ||
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      byText(a.id, b.id) ||
      byText(a.subject ?? '', b.subject ?? ''),
  )
  const count = (severity: Severity) => found.filter((finding) => finding.severity === severity).length
  return {
    durationMs: Math.round(performance.now() - startedMs),
    counts: { error: count('error'), warning: count('warning'), info: count('info'), ok: count('ok') },
    findings,
  }
}

export const report = (by: DoctorReport['by'], at: Date, results: Awaited<ReturnType<typeof runChecks>>) => ({
  at: at.toISOString(),
  version: VERSION,
  by,
  titles: CATEGORY_TITLES,
  ...results,
})

async function run(check: Check, context: DoctorContext): Promise<ReportedFinding[]> {
  const startedMs = performance.now()
  const findings = await attempt(check, context)
  const durationMs = Math.round(performance.now() - startedMs)
  return findings.map((finding) => ({
    id: finding.id,
    category: check.category,
    severity: finding.severity,
    title: finding.title,
    subject: finding.subject ?? null,
    seen: finding.seen ?? null,
    fix: finding.fix ?? null,
    command: finding.command ?? null,
    durationMs,
  }))
}

async function attempt(check: Check, context: DoctorContext): Promise<readonly Finding[]> {
  const { id, title, limitMs = LIMIT_MS } = check
  const over = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Finding[]>((resolve) => {
    timer = setTimeout(() => {
      over.abort(new Error('The time of the check is over'))
      const seen = `No result within ${Math.round(limitMs / 100) / 10} s`
      resolve([unfinished(id, title, seen, 'Run the doctor again when there is less to do.')])
    }, limitMs)
  })
  try {
    return await Promise.race([check.run(context, over.signal), late])
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error)
    return [
      unfinished(id, title, seen, 'Run the doctor again; if it stays, the log of the database may say why.'),
    ]
  } finally {
    clearTimeout(timer)
  }
}

const unfinished = (id: string, title: string, seen: string, fix: string): Finding => ({
  id: `${id}.unfinished`,
  severity: 'warning',
  title: `Could not be checked: ${title}`,
  seen,
  fix,
})

const byText = (a: string, b: string) => (a < b ? -1 : Number(a > b))
