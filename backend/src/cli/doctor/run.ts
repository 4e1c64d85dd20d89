import { AppError } from '../../core/errors.ts'
import { readServerFile } from '../../core/server-file.ts'
import {
  type Category,
  type DoctorReport,
  doctorReportSchema,
  type ReportedFinding,
  type Severity,
} from '../../doctor/doctor.schema.ts'
import { createDoctor, readConfiguration } from '../../doctor/index.ts'
import type { DoctorFlags } from '../doctor.ts'
import { callServer, namedServer, type Server, UnreachableError } from '../server-call.ts'
import { failureOf } from '../storage/failure.ts'
import { EXIT } from '../storage/moves.ts'
import { reportText } from './text.ts'

/** Where the command writes; the terminal unless a test says otherwise. */
export interface DoctorOutput {
  write(text: string): void
  error(text: string): void
}

/** Besides those that all commands have. */
const WARNINGS = 2
const ERRORS = 4
const DATABASE: readonly Category[] = ['postgres', 'extensions', 'activity', 'schema', 'storage', 'sqlite']

type Env = Readonly<Record<string, string | undefined>>

const terminal: DoctorOutput = {
  write: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
}

/** Runs `holdfast doctor` and resolves to its exit code. */
export async function runDoctor(
  flags: DoctorFlags,
  env: Env,
  output: DoctorOutput = terminal,
): Promise<number> {
  try {
    const whole = await examine(flags, env)
    const report = flags.database ? only(whole, DATABASE) : whole
    output.write(flags.json ? `${JSON.stringify(report)}\n` : reportText(report, flags.all ?? false))
    if (report.counts.error > 0) return ERRORS
    return report.counts.warning > 0 ? WARNINGS : EXIT.done
  } catch (error) {
    const failure = failureOf(error)
    if (!failure) throw error
    const { code, message, exit } = failure
    if (flags.json) output.write(`${JSON.stringify({ error: { code, message } })}\n`)
    else output.error(`${message}\n`)
    // What a server refuses a doctor has not begun: there is nothing but that it cannot be asked.
    return exit === EXIT.usage ? exit : EXIT.unreachable
  }
}

/** The server that is named looks, else the one that runs on this data folder, else this process. */
async function examine(flags: DoctorFlags, env: Env): Promise<DoctorReport> {
  const named = namedServer(flags, env)
  if (named) return ask(named)
  const { config, problems } = readConfiguration(env)
  const local = readServerFile(config.dataDir)
  let silence: string | undefined
  if (local) {
    try {
      return await ask({ url: local.url, token: local.secret })
    } catch (error) {
      if (!(error instanceof UnreachableError || error instanceof AppError)) throw error
      silence = error.message
    }
  }
  const report = await createDoctor({ env, config, configProblems: problems }).examine()
  return withFinding(report, local && silence !== undefined ? silent(local.pid, silence) : STOPPED)
}

const ask = (server: Server) => callServer(server, 'GET', '/api/doctor', doctorReportSchema)

const finding = (severity: Severity, id: string, title: string): ReportedFinding => ({
  id,
  category: 'server',
  severity,
  title,
  subject: null,
  seen: null,
  fix: null,
  command: null,
  durationMs: 0,
})

const STOPPED = finding('info', 'server.stopped', 'No server runs on this data folder')

/** A process id is given to others after a crash: it may not be a server at all. */
const silent = (pid: number, reason: string): ReportedFinding => ({
  ...finding('warning', 'server.silent', 'The server of this data folder does not answer'),
  subject: `process ${pid}`,
  seen: reason,
  fix: 'If it runs, its log says why; it may need a restart. If it was killed, server.json is what it left: start it again.',
})

const withFinding = (report: DoctorReport, extra: ReportedFinding): DoctorReport => ({
  ...report,
  findings: [extra, ...report.findings],
  counts: { ...report.counts, [extra.severity]: report.counts[extra.severity] + 1 },
})

function only(report: DoctorReport, categories: readonly Category[]): DoctorReport {
  const findings = report.findings.filter(({ category }) => categories.includes(category))
  const count = (severity: Severity) => findings.filter((each) => each.severity === severity).length
  const counts = { error: count('error'), warning: count('warning'), info: count('info'), ok: count('ok') }
  return { ...report, findings, counts }
}
