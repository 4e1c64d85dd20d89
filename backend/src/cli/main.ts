#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { VERSION } from '../core/version.ts'
import { registerAdopt } from './adopt.ts'
import { registerBackup } from './backup.ts'
import { registerDemo } from './demo.ts'
import { registerDoctor } from './doctor.ts'
import { registerMigrate } from './migrate.ts'
import { registerOpenApi } from './openapi.ts'
import { registerResetPassword } from './reset-password.ts'
import { registerStorage } from './storage.ts'

const program = new Command('holdfast')
  .description('Self-hosted dashboard for container fleets')
  .version(VERSION)
  .showHelpAfterError('(holdfast --help lists the commands)')
  .exitOverride()

program
  .command('start', { isDefault: true })
  .description('start the server')
  .action(async () => {
    // Imported here, so that `holdfast --help` loads no server.
    const { runServer } = await import('../server.ts')
    await runServer(process.env)
  })
registerMigrate(program)
registerAdopt(program)
registerStorage(program)
registerBackup(program)
registerDoctor(program)
registerDemo(program)
registerResetPassword(program)
registerOpenApi(program)

try {
  await program.parseAsync()
} catch (error) {
  // commander has written its message; help and version end with 0.
  if (error instanceof CommanderError) process.exitCode = error.exitCode
  else throw error
}
