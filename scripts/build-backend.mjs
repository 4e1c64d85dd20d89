// Compiles backend/src to backend/dist and puts the files beside it that are read at run time.
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bin, root, run } from './ensure.mjs'

const source = join(root, 'backend', 'src')
const target = join(root, 'backend', 'dist')
rmSync(target, { recursive: true, force: true })
run(bin('tsc'), ['-p', 'backend/tsconfig.build.json'])
for (const entry of readdirSync(join(source, 'db'), { withFileTypes: true })) {
  const isMigrations = entry.isDirectory() && entry.name.endsWith('-migrations')
  if (!isMigrations && !/^schema\.\w+\.txt$/.test(entry.name)) continue
  cpSync(join(source, 'db', entry.name), join(target, 'db', entry.name), { recursive: true })
}
if (!existsSync(join(target, 'db', 'sqlite-migrations'))) throw new Error('the migrations were not copied')
