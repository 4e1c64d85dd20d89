import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket as TcpSocket } from 'node:net'
import { io } from 'socket.io-client'
import { afterEach, describe, expect, it } from 'vitest'
import { PREVIEW } from '../http/principal.ts'
import { createLogger } from '../log.ts'
import { createRealtimeServer, type RealtimeServer } from './server.ts'

let server: Server
let realtime: RealtimeServer
const tcp: TcpSocket[] = []
afterEach(async () => {
  for (const socket of tcp.splice(0)) socket.destroy()
  await realtime.close()
  server.closeAllConnections()
  server.close()
})

async function start(slowMs: number): Promise<number> {
  realtime = createRealtimeServer({
    log: createLogger('silent'),
    publicUrl: undefined,
    behindProxy: false,
    identify: async () => PREVIEW,
    authorizeRoom: async () => undefined,
    stillValid: async () => true,
    slowMs,
  })
  realtime.onWatch('flood', { start: () => undefined, stop: () => undefined })
  realtime.onWatch('many:', { start: () => undefined, stop: () => undefined })
  server = createServer()
  realtime.attach(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A WebSocket client by hand that joins a room and then reads nothing more. */
async function stalledWatcher(port: number): Promise<TcpSocket> {
  const socket = connect(port, '127.0.0.1')
  tcp.push(socket)
  socket.write(
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await until(socket, 'sid')
  socket.write(frame('40/live,'))
  await until(socket, '40/live')
  socket.write(frame('42/live,1["watch","flood"]'))
  await until(socket, '"ok":true')
  socket.pause()
  return socket
}

function until(socket: TcpSocket, text: string): Promise<void> {
  return new Promise((resolve) => {
    const read = (chunk: Buffer) => {
      if (!chunk.includes(text)) return
      socket.off('data', read)
      resolve()
    }
    socket.on('data', read)
  })
}

/** A masked text frame (RFC 6455 §5.2) with a mask of zeros. */
function frame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
}

it('lets a connection watch 200 rooms and no more, also when it asks at once', async () => {
  const port = await start(1000)
  const reader = io(`http://127.0.0.1:${port}/live`, { transports: ['websocket'], forceNew: true })
  const asked = Array.from({ length: 210 }, (_, index) => reader.emitWithAck('watch', `many:${index}`))
  const answers = await Promise.all(asked)
  expect(answers.filter((answer) => answer.ok)).toHaveLength(200)
  expect(answers.at(-1)).toMatchObject({ ok: false, code: 'too_many_rooms' })
  reader.disconnect()
})

describe('a client that does not read', () => {
  it('loses samples but no changes, and gets samples again when it has caught up', async () => {
    const port = await start(600_000)
    const stalled = await stalledWatcher(port)
    const room = realtime.room('flood')
    const filler = 'x'.repeat(50_000)
    while (realtime.slowConnections() === 0) {
      room.emit('sample', { filler }, { volatile: true })
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    room.emit('sample', { mark: 'lost sample' }, { volatile: true })
    room.emit('change', { mark: 'kept change' })
    let tail = ''
    stalled.on('data', (chunk: Buffer) => {
      tail = (tail + chunk.toString('latin1')).slice(-100_000)
    })
    stalled.resume()
    while (!tail.includes('kept change')) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(tail).not.toContain('lost sample')
    while (realtime.slowConnections() > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    room.emit('sample', { mark: 'new sample' }, { volatile: true })
    while (!tail.includes('new sample')) await new Promise((resolve) => setTimeout(resolve, 10))
  })

  it('loses samples and then its connection, while others get everything', async () => {
    const port = await start(1000)
    const stalled = await stalledWatcher(port)
    const cut = new Promise<void>((resolve) => stalled.once('close', () => resolve()))
    stalled.once('error', () => undefined)
    const reader = io(`http://127.0.0.1:${port}/live`, { transports: ['websocket'], forceNew: true })
    const received: number[] = []
    reader.on('sample', (sample: { seq: number }) => received.push(sample.seq))
    await new Promise<void>((resolve) => reader.once('connect', resolve))
    await reader.emitWithAck('watch', 'flood')

    let seq = 0
    const filler = 'x'.repeat(100_000)
    const flood = setInterval(() => {
      realtime.room('flood').emit('sample', { seq: seq++, filler }, { volatile: true })
    }, 5)
    const before = process.memoryUsage().rss
    const stall = new Promise<void>((resolve) => {
      const watch = setInterval(() => {
        if (realtime.connections() > 1) return
        clearInterval(watch)
        resolve()
      }, 20)
    })
    await stall
    clearInterval(flood)
    // What the operating system holds for the client is read, then comes the end.
    stalled.resume()
    await cut
    const sent = seq
    while (received.length < sent) await new Promise((resolve) => setImmediate(resolve))
    expect(received).toEqual(Array.from({ length: sent }, (_, index) => index))
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024)
    reader.disconnect()
  })
})
