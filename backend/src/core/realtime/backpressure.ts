import type { Socket } from 'socket.io'

/** What a connection may have waiting before it counts as slow, and before it is cut at once. */
export const SLOW_BYTES = 1024 * 1024
export const CUT_BYTES = 8 * SLOW_BYTES
/** How long a connection may stay slow. */
export const SLOW_MS = 10_000

export interface Backlog {
  /** Bytes made for this client that the operating system has not taken yet. */
  bytes(): number
}

/**
 * Follows what waits for a client. Engine.IO hands its buffer to the WebSocket when the one before has been
 * written; what the socket itself holds is in `writableLength`.
 */
export function trackBacklog(socket: Socket): Backlog {
  let waiting = 0
  const { conn } = socket
  conn.on('packetCreate', (packet: { data?: unknown }) => {
    waiting += sizeOf(packet.data)
  })
  conn.on('flush', (packets: readonly { data?: unknown }[]) => {
    for (const packet of packets) waiting -= sizeOf(packet.data)
    // Packets made before this listener was added are flushed without having been counted.
    waiting = Math.max(0, waiting)
  })
  return { bytes: () => waiting + socket.request.socket.writableLength }
}

/** Characters stand for bytes: close enough for a limit, and free. */
function sizeOf(data: unknown): number {
  if (typeof data === 'string') return data.length
  return data instanceof Uint8Array ? data.byteLength : 0
}
