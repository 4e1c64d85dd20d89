import type { BackupPlace } from '../src/backups/engine.ts'
import { completeRestore, finishRestore, prepareRestore } from '../src/backups/restore.ts'
import { createLogger } from '../src/core/log.ts'

// A restore that is killed at one of its steps, as by a power cut. Without a name it finishes what one has begun.
const [data = '{}', name = '', killAt = ''] = process.argv.slice(2)
const place: BackupPlace = {
  ...JSON.parse(data),
  log: createLogger('silent'),
  clock: () => new Date(),
  freeze: (work) => work(),
  async onStep(step) {
    if (step !== killAt) return
    process.kill(process.pid, 'SIGKILL')
    await new Promise(() => undefined)
  },
}
const watch = { signal: new AbortController().signal, onProgress: () => undefined }
if (name === '') await finishRestore(place)
else await completeRestore(place, await prepareRestore(place, name, watch), { safety: true }, watch)
