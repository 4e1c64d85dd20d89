import { allChecks } from './checks/index.ts'
import { openContext, type Surroundings } from './context.ts'
import type { DoctorReport } from './doctor.schema.ts'
import { report, runChecks } from './run-checks.ts'

export type DoctorService = ReturnType<typeof createDoctor>

/** Looks at everything that can be looked at, and changes nothing. */
export function createDoctor(surroundings: Surroundings) {
  let running: Promise<DoctorReport> | undefined

  async function examine(): Promise<DoctorReport> {
    const at = surroundings.now?.() ?? new Date()
    const context = await openContext(surroundings)
    try {
      return report(surroundings.storage ? 'server' : 'offline', at, await runChecks(allChecks, context))
    } finally {
      await context.close()
    }
  }

  return {
    /** Whoever asks while it runs gets the same report. */
    examine(): Promise<DoctorReport> {
      running ??= examine().finally(() => {
        running = undefined
      })
      return running
    },
  }
}
