// Installs dependencies and builds what is missing or stale. Uses nothing but Node, because it runs
// before anything is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLock } from './lock.mjs'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stampDir = join(root, 'node_modules', '.cache', 'holdfast')
const minimumNode = [20, 19]

export function say(message) {
  process.stderr.write(`holdfast: ${message}\n`)
}

/** Runs a command in the repository and ends this process with its status when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error) {
    say(`${command} could not be started: ${result.error.message}`)
    process.exit(1)
  }
  if (result.status !== 0) process.exit(result.status ?? 1)
}

export function bin(name) {
  return join(root, 'node_modules', '.bin', name)
}

function filesBelow(path) {
  if (!existsSync(path)) return []
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules' && entry.name !== 'dist')
    .flatMap((entry) => filesBelow(join(path, entry.name)))
}

/** A hash over the content of files, so that a checkout or a touch alone does not rebuild. */
function fingerprint(paths) {
  const hash = createHash('sha256').update(`${process.version} ${process.arch}`)
  for (const file of paths.flatMap((path) => filesBelow(join(root, path))).sort()) {
    hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
  }
  return hash.digest('hex')
}

function isFresh(name, value) {
  const stamp = join(stampDir, name)
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === value
}

function remember(name, value) {
  mkdirSync(stampDir, { recursive: true })
  writeFileSync(join(stampDir, name), value)
}

/** What is begun and not ended is not fresh, whatever it was before. */
function forget(name) {
  rmSync(join(stampDir, name), { force: true })
}

/** Installs or builds, one process at a time: two at once would take the files from under each other. */
function alone(work) {
  const path = join(root, '.ensure-lock')
  const onWait = (pid) =>
    say(`waiting: process ${pid} is installing or building here (if it is something else, delete ${path})`)
  withLock(path, onWait, work)
}

export function ensureNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > minimumNode[0] || (major === minimumNode[0] && minor >= minimumNode[1])) return
  say(`Node ${minimumNode.join('.')} or newer is needed, this is ${process.versions.node}`)
  process.exit(1)
}

/** Node before 22.14 has the one that may have to be compiled: see backend/src/db/sqlite-driver.ts. */
const sqliteDriver = Number(process.versions.napi) >= 10 ? 'better-sqlite3-napi' : 'better-sqlite3'

/** npm leaves an optional package out in silence when it cannot be built. */
export const hasSqlite = () => existsSync(join(root, 'node_modules', sqliteDriver))

export const withoutSqlite =
  `${sqliteDriver} is not installed, so there is no SQLite. Node 22.14 or newer has it prebuilt; before, it may take python3, ` +
  'make, g++ and the headers of Node: install them, delete node_modules and start again'

export function ensureInstalled() {
  ensureNode()
  const wanted = fingerprint([
    'package.json',
    'package-lock.json',
    'backend/package.json',
    'frontend/package.json',
  ])
  if (isFresh('install', wanted)) return
  alone(() => {
    if (isFresh('install', wanted)) return
    say('installing dependencies (npm ci), about a minute the first time')
    forget('install')
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
    remember('install', wanted)
    if (!hasSqlite())
      say(`${withoutSqlite}. Until then the product runs on PostgreSQL alone (POSTGRES_APP_URL)`)
  })
}

/** Builds backend/dist and frontend/dist when their sources changed since the last build. */
export function ensureBuilt({ force = false } = {}) {
  ensureInstalled()
  build(force)
}

/** Builds what is missing or stale with the packages that are there. */
export function build(force) {
  const parts = [
    {
      name: 'backend',
      sources: ['backend/src', 'backend/package.json', 'backend/tsconfig.build.json', 'tsconfig.json'],
      build: buildBackend,
    },
    { name: 'frontend', sources: ['frontend', 'tsconfig.json'], build: buildFrontend },
  ]
  for (const part of parts) {
    const stamp = `build-${part.name}`
    const wanted = fingerprint(part.sources)
    const isBuilt = () => existsSync(join(root, part.name, 'dist')) && isFresh(stamp, wanted)
    if (!force && isBuilt()) continue
    alone(() => {
      if (!force && isBuilt()) return
      say(`building the ${part.name}`)
      forget(stamp)
      part.build()
      remember(stamp, wanted)
    })
  }
}

function buildBackend() {
  run(process.execPath, [join(root, 'scripts', 'build-backend.mjs')])
}

function buildFrontend() {
  run(bin('vite'), ['build', '--logLevel', 'warn'], { cwd: join(root, 'frontend') })
}

/** Loads .env of the repository, if there is one; variables that are already set win. */
export function loadDotEnv() {
  const file = join(root, '.env')
  if (existsSync(file)) process.loadEnvFile(file)
}
