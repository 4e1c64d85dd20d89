import { workerFile } from '../worker-file.ts'

export const transferWorkerFile = (): Promise<URL> => workerFile(import.meta.url, 'transfer-worker')
