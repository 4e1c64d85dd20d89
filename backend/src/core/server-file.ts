import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const schema = z.object({
  /** Where the server is reached from this machine. */
  url: z.url(),
  pid: z.int().min(1),
  /** A bearer token with the rights of an admin, for connections from this machine. */
  secret: z.string().min(20),
})
/** How the command line on this machine finds the server that runs on a data folder. */
export type ServerFile = z.infer<typeof schema>

const pathOf = (dataDir: string) => join(dataDir, 'server.json')

/** Only the owner of the data folder can read it; there is never half a file. */
export function writeServerFile(dataDir: string, file: ServerFile): void {
  const draft = `${pathOf(dataDir)}.${file.pid}`
  rmSync(draft, { force: true })
  try {
    writeFileSync(draft, `${JSON.stringify(file)}\n`, { mode: 0o600, flag: 'wx' })
    renameSync(draft, pathOf(dataDir))
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}

/** The file of a server that was killed is still there; undefined for it, and when there is none. */
export function readServerFile(dataDir: string): ServerFile | undefined {
  const file = parse(dataDir)
  return file !== undefined && isRunning(file.pid) ? file : undefined
}

/** Leaves the file of a server that has taken over alone. */
export function removeServerFile(dataDir: string, pid: number): void {
  if (parse(dataDir)?.pid === pid) rmSync(pathOf(dataDir), { force: true })
}

function parse(dataDir: string): ServerFile | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(pathOf(dataDir), 'utf8')))
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    // Whatever else is in it, no server of this product wrote it.
    if (missing || error instanceof SyntaxError || error instanceof z.ZodError) return undefined
    throw error
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs as somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
