import { statfs } from 'node:fs/promises'

/** What a move leaves free on the disk of the data folder: the product itself has to write there. */
const RESERVE_BYTES = 64 * 1024 * 1024

/** What is left on the disk of `folder`; PostgreSQL does not say what its own has. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Why `bytes` more cannot be written to `folder`, with what to do; undefined when they can. */
export async function shortOfRoom(
  folder: string,
  bytes: number,
  what: string,
  free: (folder: string) => Promise<number> = freeBytes,
): Promise<string | undefined> {
  const left = await free(folder)
  if (left >= bytes + RESERVE_BYTES) return undefined
  return (
    `${what} takes ${mebibytes(bytes)} MiB in ${folder}, where ${mebibytes(left)} MiB are free and ` +
    `${mebibytes(RESERVE_BYTES)} MiB have to stay free: make room on that disk`
  )
}

const mebibytes = (bytes: number) => Math.round(bytes / 1024 / 1024).toLocaleString('en')
