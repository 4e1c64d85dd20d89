import { type Command, Option } from 'commander'

export type BackupCommand =
  | 'list'
  | 'create'
  | 'show'
  | 'prove'
  | 'restore'
  | 'download'
  | 'upload'
  | 'delete'
  | 'cancel'
  | 'drop'

export interface BackupFlags {
  readonly json?: true
  readonly yes?: true
  readonly url?: string
  readonly token?: string
  readonly output?: string
  /** False for --no-safety. */
  readonly safety?: boolean
}

const COMMANDS: Readonly<Record<BackupCommand, readonly [string, string]>> = {
  list: ['list', 'every backup, and what else lies in their folder'],
  create: ['create', 'make a backup, restore it into a scratch database and compare every row'],
  show: ['show <name>', 'what is in a backup'],
  prove: ['prove <name>', 'restore a backup into a scratch database and compare every row'],
  restore: ['restore <name>', 'go back to a backup: says first what would be lost'],
  download: ['download <name>', 'fetch a backup from a server'],
  upload: ['upload <file>', 'give a backup to a server'],
  delete: ['delete <name>', 'delete a backup'],
  cancel: ['cancel', 'end the operation that runs on a server; it leaves nothing behind'],
  drop: ['drop <name>', 'drop what a restore has set aside; it cannot be brought back'],
}

const NOTES = `
A server that runs on this machine's DATA_DIR needs no token. For another one set HOLDFAST_URL and
HOLDFAST_TOKEN (an API token of an admin). When no server runs, the command does the work itself, on a new
machine too: configure it as the old one was, put the file into BACKUP_DIR (DATA_DIR/backups) and restore it.

Exit codes: 0 done · 1 bad usage or configuration · 2 refused · 3 failed on the way, nothing was changed ·
5 server or store not reachable · 130 interrupted`

/** `holdfast backup …`: makes, proves and restores backups. */
export function registerBackup(program: Command): void {
  const backup = program
    .command('backup')
    .description('make, prove and restore backups')
    .addHelpText('after', NOTES)
  for (const [name, [usage, description]] of entriesOf(COMMANDS)) {
    const command = backup
      .command(usage)
      .description(description)
      .option('--json', 'print lines of JSON')
      .option('--url <address>', 'a server elsewhere; HOLDFAST_URL')
      .option(
        '--token <token>',
        'API token for --url; better in HOLDFAST_TOKEN, which other users cannot see',
      )
    if (name === 'restore' || name === 'delete' || name === 'drop') command.option('--yes', 'do not ask')
    if (name === 'restore') {
      command.addOption(
        new Option(
          '--no-safety',
          'no backup of what is there now: for stores that cannot be read any more, while no server runs',
        ),
      )
    }
    if (name === 'download') command.option('--output <file>', 'where to; by default its name, here')
    command.action(async (...given: unknown[]) => {
      const argument = typeof given[0] === 'string' ? given[0] : ''
      const { runBackup } = await import('./backup/run.ts')
      process.exitCode = await runBackup(name, argument, command.opts<BackupFlags>(), process.env)
    })
  }
}

const entriesOf = <Name extends string, Value>(record: Readonly<Record<Name, Value>>) =>
  Object.entries<Value>(record).filter((entry): entry is [Name, Value] => Object.hasOwn(record, entry[0]))
