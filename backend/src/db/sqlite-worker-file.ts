import { workerFile } from './worker-file.ts'

export const sqliteWorkerFile = (): Promise<URL> => workerFile(import.meta.url, 'sqlite-worker')
