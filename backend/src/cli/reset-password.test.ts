import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { ADMIN } from '../../test/app.ts'
import { loadConfig } from '../core/config/config.ts'
import { createLogger } from '../core/log.ts'
import { type RunningServer, startServer } from '../server.ts'
import { resetPassword } from './reset-password.ts'

let dataDir: string
let server: RunningServer
let lines: string[]
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-reset-'))
  const env = {
    DATA_DIR: dataDir,
    PORT: '0',
    DOCKER_HOST: 'unix:///nonexistent.sock',
    ADMIN_USERNAME: ADMIN.username,
    ADMIN_PASSWORD: ADMIN.password,
  }
  server = await startServer(loadConfig(env), createLogger('silent'))
})
beforeEach(() => {
  lines = []
  for (const method of ['log', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((text: unknown) => void lines.push(String(text)))
  }
})
afterEach(() => {
  vi.restoreAllMocks()
})
afterAll(async () => {
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

async function signIn(password: string): Promise<number> {
  const response = await fetch(`${server.url}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: ADMIN.username, password }),
  })
  return response.status
}

it('gives a new password, and the old one is no good any more', async () => {
  expect(await resetPassword('ADA', { DATA_DIR: dataDir })).toBe(0)
  const password = /is now: (\S+)$/m.exec(lines.join('\n'))?.[1] ?? ''
  expect(await signIn(password)).toBe(200)
  expect(await signIn(ADMIN.password)).toBe(401)
})

it('names the users when there is no such one', async () => {
  expect(await resetPassword('bob', { DATA_DIR: dataDir })).toBe(1)
  expect(lines.join('\n')).toBe('There is no user bob. There are: ada.')
})

it('says that no server runs on the folder', async () => {
  expect(await resetPassword('ada', { DATA_DIR: join(dataDir, 'other') })).toBe(1)
  expect(lines.join('\n')).toContain('start it, or set DATA_DIR')
})
