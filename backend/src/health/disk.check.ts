import { statfs } from 'node:fs/promises'
import type { Check } from './health.service.ts'

const ENOUGH_BYTES = 100 * 1024 * 1024
const MEBIBYTE = 1024 * 1024

/** Whether the disk of `folder` has room. Never worse than degraded: what is stored can still be read. */
export async function checkDisk(folder: string): Promise<Check> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= ENOUGH_BYTES) return { status: 'healthy' }
  return {
    status: 'degraded',
    error: 'The disk of the data folder is nearly full',
    reason: `${Math.floor(free / MEBIBYTE)} MiB are free on the disk of ${folder}: free space, or changes and samples are refused`,
  }
}
