#!/usr/bin/env -S node --max-semi-space-size=4
// The command line from a checkout: installs and builds what is missing, then runs the built product.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, loadDotEnv, root } from './ensure.mjs'

ensureBuilt()
loadDotEnv()
const main = join(root, 'backend', 'dist', 'cli', 'main.js')
process.argv[1] = main
await import(pathToFileURL(main).href)
