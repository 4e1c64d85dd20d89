// The least that could answer the same: Express, a prepared statement on the same file, nothing else.
import { createRequire } from 'node:module'
import express from 'express'

const require = createRequire(new URL('../backend/package.json', import.meta.url))
// As backend/src/db/sqlite-driver.ts has it.
const Database = require(Number(process.versions.napi) >= 10 ? 'better-sqlite3-napi' : 'better-sqlite3')
const db = new Database(process.argv[2], { readonly: true })
const statement = db.prepare(`
  SELECT s.metric, s.instance, s.unit
  FROM metric_series AS s
  WHERE s.endpoint_id = ? AND s.subject = ? AND s.name = ?
  ORDER BY s.metric, s.instance`)
const app = express()
app.get('/api/metrics/series', (req, res) => {
  const { endpointId, subject, name } = req.query
  res.json({ items: statement.all(Number(endpointId), subject, name) })
})
const server = app.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}`))
process.on('disconnect', () => process.exit(0))
