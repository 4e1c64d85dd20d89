import { CATEGORIES, type DoctorReport, type ReportedFinding } from '../../doctor/doctor.schema.ts'

const MARKS = { error: '✗', warning: '!', info: '·', ok: '✓' } as const
const WORDS = { error: 'error', warning: 'warning', info: 'note', ok: 'fine' } as const

/** What is noteworthy by category, each finding with its cure; with `all` also what is fine. */
export function reportText(report: DoctorReport, all: boolean): string {
  const shown = report.findings.filter(({ severity }) => all || severity !== 'ok')
  const groups = CATEGORIES.flatMap((category) => {
    const findings = shown.filter((finding) => finding.category === category)
    return findings.length === 0 ? [] : [[report.titles[category], ...findings.flatMap(lines)].join('\n')]
  })
  return `${[...groups, summary(report, all)].join('\n\n')}\n`
}

function lines({ severity, title, subject, seen, fix, command }: ReportedFinding): string[] {
  const about = subject === null ? '' : `: ${subject}`
  return [
    `  ${MARKS[severity]} ${severity === 'ok' ? '' : `${WORDS[severity]}: `}${title}${about}`,
    ...[seen, fix, command === null ? null : `› ${command}`].flatMap((text) =>
      text === null ? [] : [`      ${text.replaceAll('\n', '\n      ')}`],
    ),
  ]
}

function summary({ counts, durationMs, by }: DoctorReport, all: boolean): string {
  const { error, warning, info, ok } = counts
  const parts = (
    [
      ['error', error],
      ['warning', warning],
      ['note', info],
    ] as const
  ).flatMap(([word, count]) => (count === 0 ? [] : [`${count} ${word}${count === 1 ? '' : 's'}`]))
  const verdict = error + warning === 0 ? 'Nothing to mend' : parts.join(', ')
  const notes = error + warning === 0 && info > 0 ? `, ${info} note${info === 1 ? '' : 's'}` : ''
  const fine = `${ok} ${ok === 1 ? 'thing is' : 'things are'} fine${all ? '' : ' (--all shows them)'}`
  const who = by === 'server' ? 'the server looked' : 'no server was asked'
  return `${verdict}${notes}; ${fine}. ${(durationMs / 1000).toFixed(1)} s, ${who}.`
}
