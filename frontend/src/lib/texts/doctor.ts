const counted = (count: number, one: string) => `${count} ${one}${count === 1 ? '' : 's'}`

export const doctorTexts = {
  title: 'Doctor',
  hint: 'Looks at this installation and everything it stands on, and says what to mend. Changes nothing.',
  again: 'Run again',
  running: 'Looking…',
  lookedAt: 'Looked',
  took: (seconds: string) => `it took ${seconds}`,
  nothing: 'Nothing to mend',
  nothingHint: (fine: number) =>
    `${fine === 1 ? 'One thing was' : `${fine} things were`} looked at and ${fine === 1 ? 'is' : 'are'} fine.`,
  showFine: (count: number) => `Show what is fine (${count})`,
  severities: { error: 'Error', warning: 'Warning', info: 'Note', ok: 'Fine' },
  counts: {
    error: (count: number) => counted(count, 'error'),
    warning: (count: number) => counted(count, 'warning'),
    info: (count: number) => counted(count, 'note'),
    ok: (count: number) => `${count} fine`,
  },
  command: (title: string) => `Copy the command for: ${title}`,
}
