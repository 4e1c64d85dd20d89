import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createLogger, redactText } from './log.ts'

function logged(work: (log: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = []
  work(createLogger('info', { write: (line) => void lines.push(line) }))
  return lines.join('')
}

describe('createLogger', () => {
  it('censors fields that name secrets', () => {
    const text = logged((log) =>
      log.info(
        { password: 'p-1', body: { token: 'p-2', newPassword: 'p-3' }, headers: { authorization: 'p-4' } },
        'x',
      ),
    )
    expect(text).not.toMatch(/p-\d/)
    expect(text.match(/\*\*\*/g)).toHaveLength(4)
  })

  it('censors credentials in the message and stack of an error and of its cause', () => {
    const cause = new Error('connect postgresql://app:p-1@db:5432/x failed')
    const text = logged((log) => log.error({ err: new Error('sent Bearer p-2 to it', { cause }) }, 'x'))
    expect(text).not.toMatch(/p-\d/)
    expect(text).toContain('db:5432')
  })

  it('writes the level as a word and the time in UTC', () => {
    expect(JSON.parse(logged((log) => log.warn('x')))).toMatchObject({
      level: 'warn',
      msg: 'x',
      time: expect.stringMatching(/Z$/),
    })
  })
})

describe('redactText', () => {
  it.each([
    ['tcp://u:pw@h', 'tcp://***@h'],
    ['password=abc user=x', 'password=*** user=x'],
    ['api_key=abc&x=1', 'api_key=***&x=1'],
    ['nothing here', 'nothing here'],
  ])('%s', (text, expected) => {
    expect(redactText(text)).toBe(expected)
  })
})

const backend = fileURLToPath(new URL('../..', import.meta.url))

it('lets the product go on when its output cannot be written', async () => {
  const program = `import('./src/core/log.ts').then(({ createLogger }) => {
    const log = createLogger('info')
    log.info('one')
    log.fatal('two')
    process.stderr.write('goes on')
  })`
  const full = openSync('/dev/full', 'w')
  try {
    const child = spawn(process.execPath, ['--import', 'tsx', '-e', program], {
      cwd: backend,
      stdio: ['ignore', full, 'pipe'],
    })
    let errors = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text
    })
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
    expect(errors).toBe('goes on')
  } finally {
    closeSync(full)
  }
})
