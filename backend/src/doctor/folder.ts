import { existsSync } from 'node:fs'
import { dirname } from 'node:path'

/** The folder itself, or the one in which the first start makes it. */
export function nearestFolder(path: string): string {
  const parent = dirname(path)
  return existsSync(path) || parent === path ? path : nearestFolder(parent)
}
