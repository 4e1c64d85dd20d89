// `npm run dev`: the backend restarts on change, Vite serves the page and passes /api and sockets on.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { bin, ensureInstalled, loadDotEnv, root, say } from './ensure.mjs'

ensureInstalled()
loadDotEnv()
const children = [
  spawn(
    bin('tsx'),
    ['watch', '--clear-screen=false', 'backend/src/cli/main.ts', 'start', ...process.argv.slice(2)],
    {
      cwd: root,
      stdio: 'inherit',
    },
  ),
  spawn(bin('vite'), [], { cwd: join(root, 'frontend'), stdio: 'inherit' }),
]
let stopping = false
function stop(code) {
  if (stopping) return
  stopping = true
  for (const child of children) child.kill('SIGTERM')
  process.exitCode = code
}
for (const child of children) {
  child.on('exit', (code) => stop(code ?? 0))
  child.on('error', (error) => {
    say(error.message)
    stop(1)
  })
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop(0))
