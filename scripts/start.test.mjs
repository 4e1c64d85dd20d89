import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { root } from './ensure.mjs'

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const SERVER = `
process.on('SIGTERM', () => { console.log('graceful stop'); process.exit(0) })
setInterval(() => {}, 1000)
console.log('server up')
`

let folder
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-npm-'))
  mkdirSync(join(folder, 'scripts'))
  for (const name of ['start', 'holdfast']) writeFileSync(join(folder, 'scripts', `${name}.mjs`), SERVER)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'stand-in', type: 'module', scripts }))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

// npm passes a signal on to its child alone: a shell between the two would die and leave the server running.
it.each(['start', 'demo', 'holdfast'])('a SIGTERM to npm reaches the server of npm run %s', async (name) => {
  const npm = spawn('npm', ['run', name], { cwd: folder })
  let output = ''
  const closed = new Promise((resolve) => npm.once('close', resolve))
  npm.stdout.setEncoding('utf8').on('data', (text) => {
    if (!output.includes('server up') && (output + text).includes('server up')) npm.kill('SIGTERM')
    output += text
  })
  expect(await closed).toBe(0)
  expect(output).toContain('graceful stop')
})
