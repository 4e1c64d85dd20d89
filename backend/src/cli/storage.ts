import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ArchiveFlags } from './storage/archive.ts'
import type { Command as StorageCommand } from './storage/select.ts'

export interface StorageFlags {
  readonly phase?: 1 | 2 | 3 | 4 | 'all'
  readonly from: 'sqlite' | 'postgres'
  readonly json?: true
  readonly wait?: true
  readonly yes?: true
  readonly url?: string
  readonly token?: string
  readonly acknowledge?: number
  readonly budget?: number
  readonly replay?: true
  readonly share?: number
}

const COMMANDS: Readonly<Record<StorageCommand, string>> = {
  plan: 'say what moving would take and find; reads every row, changes nothing',
  rehearse: 'copy and compare everything in a scratch schema, then drop it',
  status: 'where every unit is and what is under way',
  mirror: 'copy units to the other store and keep the copies equal',
  verify: 'compare every row of units with their mirrors',
  cutover: 'make the mirror the truth; writes wait for a moment',
  rollback: 'make the store that a unit came from the truth again',
  finish: 'end a move that was cut over; it cannot be rolled back afterwards',
  abort: 'end a move that was not cut over; the mirror is given up',
  pause: 'stop copying for now',
  resume: 'go on copying',
  purge: 'delete the rows that a finished move left in the old store; they cannot be brought back',
  quarantine: 'rows that the other store cannot hold: list, accept or try again',
  shadow: 'reads that run on the mirror too and are compared: how they went, or how many there are to be',
}

const NOTES = `
A domain stands for its unit. Several units move one after the other, by phase.
With --phase only units are taken for which the command makes sense.

A server that runs on this machine's DATA_DIR needs no token. For another one set HOLDFAST_URL and
HOLDFAST_TOKEN (an API token of an admin). When no server runs, the command does the work itself.

Exit codes: 0 done · 1 bad usage or configuration · 2 refused, with reasons · 3 failed on the way ·
4 rows that differ · 5 server or store not reachable · 130 interrupted (a server goes on)`

/** `holdfast storage …`: moves domains between the stores. */
export function registerStorage(program: Command): void {
  const storage = program
    .command('storage')
    .description('move domains between SQLite and PostgreSQL while the product runs')
    .addHelpText('after', NOTES)
  for (const name of namesOf(COMMANDS)) {
    const command = storage
      .command(`${name} [domain...]`)
      .description(COMMANDS[name])
      .addOption(new Option('--phase <phase>', '1, 2, 3, 4 or all').argParser(parsePhase))
      .addOption(
        new Option('--from <store>', 'with --phase: the store that units leave')
          .choices(['sqlite', 'postgres'])
          .default('sqlite'),
      )
    addServerOptions(command)
    addOwnOptions(command, name)
    command.action(async (domains: string[], flags: StorageFlags) => {
      const { runStorage } = await import('./storage/run.ts')
      process.exitCode = await runStorage(name, domains, flags, process.env)
    })
  }
  addServerOptions(
    storage
      .command('archive')
      .description('put the SQLite file away, once every unit is finished in PostgreSQL')
      .option('--list', 'what was archived, and whether the file in use can be')
      .option('--delete <name>', 'delete an archived file for good; its note stays')
      .option('--yes', 'do not ask'),
  ).action(async (flags: ArchiveFlags) => {
    const { runStorageArchive } = await import('./storage/run.ts')
    process.exitCode = await runStorageArchive(flags, process.env)
  })
}

function addServerOptions(command: Command): Command {
  return command
    .option('--json', 'print lines of JSON')
    .option('--url <address>', 'a server elsewhere; HOLDFAST_URL')
    .option('--token <token>', 'API token for --url; better in HOLDFAST_TOKEN, which other users cannot see')
}

function addOwnOptions(command: Command, name: StorageCommand): void {
  if (name === 'mirror' || name === 'verify')
    command.option('--wait', 'stay until it is done; always so with several units')
  if (name === 'cutover' || name === 'rollback') {
    command.option('--wait', 'wait up to three minutes for conditions that come by themselves')
    command.addOption(
      new Option('--budget <ms>', 'longest pause of writes that is accepted').argParser(parseCount),
    )
  }
  if (name === 'cutover' || name === 'rollback' || name === 'finish' || name === 'quarantine')
    command.addOption(
      new Option('--acknowledge <rows>', 'accept that so many rows in quarantine stay behind').argParser(
        parseCount,
      ),
    )
  if (name === 'finish' || name === 'purge') command.option('--yes', 'do not ask')
  if (name === 'shadow')
    command.addOption(
      new Option('--share <percent>', 'let so many of 100 reads run on the mirror too; 0 ends it').argParser(
        parseShare,
      ),
    )
  if (name === 'quarantine') command.option('--replay', 'try rows again that were corrected')
}

const namesOf = <Name extends string>(record: Readonly<Record<Name, unknown>>) =>
  Object.keys(record).filter((name): name is Name => Object.hasOwn(record, name))

function parsePhase(text: string): 1 | 2 | 3 | 4 | 'all' {
  const phase = ([1, 2, 3, 4] as const).find((each) => String(each) === text)
  if (phase !== undefined) return phase
  if (text === 'all') return 'all'
  throw new InvalidArgumentError('It is 1, 2, 3, 4 or all.')
}

function parseShare(text: string): number {
  const value = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || value > 100) throw new InvalidArgumentError('It is 0 to 100.')
  return value
}

function parseCount(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('It is a whole number.')
  return value
}
