import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { z } from 'zod'
import { ConfigError, loadConfig } from '../core/config/config.ts'
import { problemSchema } from '../core/http/problem.ts'
import { readServerFile, type ServerFile } from '../core/server-file.ts'

const PASSWORD_BYTES = 15
const usersSchema = z.object({ items: z.array(z.object({ id: z.string(), username: z.string() })) })

type Env = Readonly<Record<string, string | undefined>>

/** `holdfast reset-password`: for whoever has lost theirs; asks the server that runs on this data folder. */
export function registerResetPassword(program: Command): void {
  program
    .command('reset-password')
    .description('give a user a new, generated password; the server must run on this machine')
    .argument('<username>', 'whose password')
    .action(async (username: string) => {
      process.exitCode = await resetPassword(username, process.env)
    })
}

/** Prints the new password and ends the user's sessions. @returns the exit code: 1 when nothing was changed. */
export async function resetPassword(username: string, env: Env): Promise<number> {
  try {
    const { dataDir } = loadConfig(env)
    const server = readServerFile(dataDir)
    if (!server)
      throw new ResetError(`No server runs on the data folder ${dataDir}: start it, or set DATA_DIR.`)
    const { items } = usersSchema.parse(await call(server, 'GET', '/api/users'))
    const user = items.find((each) => each.username.toLowerCase() === username.toLowerCase())
    if (!user) {
      const known = items.map((each) => each.username).join(', ')
      throw new ResetError(`There is no user ${username}. There are: ${known || 'none yet'}.`)
    }
    const password = randomBytes(PASSWORD_BYTES).toString('base64url')
    await call(server, 'PATCH', `/api/users/${user.id}`, { password })
    console.log(`The password of ${user.username} is now: ${password}`)
    console.log('Whoever was signed in as this user is signed out. Choose your own under Settings, Account.')
    return 0
  } catch (error) {
    if (!(error instanceof ResetError || error instanceof ConfigError)) throw error
    console.error(error.message)
    return 1
  }
}

class ResetError extends Error {}

async function call(server: ServerFile, method: string, path: string, body?: unknown): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${server.secret}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch (cause) {
    throw new ResetError(`The server at ${server.url} does not answer: ${String(cause)}`, { cause })
  }
  const answer: unknown = await response.json()
  if (response.ok) return answer
  const problem = problemSchema.safeParse(answer)
  throw new ResetError(problem.success ? problem.data.detail : `The server answered ${response.status}.`)
}
