import { type ChildProcess, spawn } from 'node:child_process'
import { ADMIN } from './app.ts'

/** Logged while there is no admin, with the address. */
export const SETUP_LINE = 'no admin yet: open the setup address to make one'

export interface Running {
  readonly child: ChildProcess
  readonly output: () => string
  /** The exit code. */
  readonly ended: Promise<number | null>
  /** The first log line with this message. Rejects when the process ends without one. */
  line(message: string): Promise<Record<string, string>>
}

export interface ProcessOptions {
  readonly cwd: string
  /** What follows `node --import tsx`. */
  readonly args: readonly string[]
  readonly dataDir: string
  /** Beside what every process gets: no engine to watch, and any free port. */
  readonly env?: Readonly<Record<string, string>>
}

/** The product as a process of its own. The caller kills it. */
export function startProcess({ cwd, args, dataDir, env }: ProcessOptions): Running {
  const child = spawn(process.execPath, ['--import', 'tsx', ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      PORT: '0',
      DATA_DIR: dataDir,
      DOCKER_HOST: 'unix:///nonexistent.sock',
      ...env,
    },
  })
  let text = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      for (const listener of listeners) listener()
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    child,
    output: () => text,
    ended,
    line: (message) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = text.split('\n').find((line) => line.includes(`"msg":"${message}"`))
          if (found === undefined) return
          listeners.delete(look)
          resolve(JSON.parse(found))
        }
        listeners.add(look)
        look()
        void ended.then(() => reject(new Error(`ended: ${text}`)))
      }),
  }
}

/** Makes {@link ADMIN} with the token that the log gives. @returns `base` (`http://127.0.0.1:port`) and the session. */
export async function makeAdmin(running: Running): Promise<{ base: string; cookie: string }> {
  const { setupUrl } = await running.line(SETUP_LINE)
  const url = new URL(setupUrl ?? '')
  const response = await fetch(`${url.origin}/api/auth/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...ADMIN, token: url.searchParams.get('token') }),
  })
  if (response.status !== 201) throw new Error(`no admin was made: ${response.status}`)
  return { base: url.origin, cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' }
}
