// `npm start`: the server, as `holdfast start` does it.
process.argv.splice(2, 0, 'start')
await import('./holdfast.mjs')
