import { ensureBuilt, say } from './ensure.mjs'

ensureBuilt({ force: process.argv.includes('--force') })
say('built: backend/dist and frontend/dist')
