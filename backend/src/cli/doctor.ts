import type { Command } from 'commander'

export interface DoctorFlags {
  readonly json?: true
  readonly all?: true
  readonly database?: true
  readonly url?: string
  readonly token?: string
}

const NOTES = `
A server that runs on this machine's DATA_DIR looks for itself, and needs no token. For another one set HOLDFAST_URL
and HOLDFAST_TOKEN (an API token of an admin). When no server runs, the command looks itself; nothing is changed.

Exit codes: 0 nothing to mend · 1 bad usage · 2 warnings alone · 4 errors found · 5 the server named by --url is not
reachable`

/** `holdfast doctor`: what is wrong with this installation and everything it stands on. */
export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('look at this installation and everything it stands on, and say what to mend')
    .option('--all', 'also what is fine')
    .option('--database', 'the databases alone: rights, extensions, schema, sessions, moves')
    .option('--json', 'print one object of JSON, with everything')
    .option('--url <address>', 'a server elsewhere; HOLDFAST_URL')
    .option('--token <token>', 'API token for --url; better in HOLDFAST_TOKEN, which other users cannot see')
    .addHelpText('after', NOTES)
    .action(async (flags: DoctorFlags) => {
      const { runDoctor } = await import('./doctor/run.ts')
      process.exitCode = await runDoctor(flags, process.env)
    })
}
