import { describe, expect, it } from 'vitest'
import { forbidden } from '../errors.ts'
import { createLogger } from '../log.ts'
import { createRooms } from './rooms.ts'

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

function aRoom(start: (argument: string) => void | Promise<void> = () => undefined) {
  const rooms = createRooms({ log: createLogger('silent') })
  const calls: string[] = []
  rooms.declare('logs:', {
    start: (_room, argument) => {
      calls.push(`start ${argument}`)
      return start(argument)
    },
    stop: (_room, argument) => void calls.push(`stop ${argument}`),
  })
  return { rooms, calls }
}

describe('createRooms', () => {
  it('starts a room for the first watcher and stops it after the last', async () => {
    const { rooms, calls } = aRoom()
    await rooms.join('logs:1:web', 'a')
    await rooms.join('logs:1:web', 'b')
    rooms.leave('logs:1:web', 'a')
    await tick()
    expect(calls).toEqual(['start 1:web'])
    rooms.leave('logs:1:web', 'b')
    rooms.leave('logs:1:web', 'b')
    await tick()
    expect(calls).toEqual(['start 1:web', 'stop 1:web'])
  })

  it('stops only after the start has ended', async () => {
    let release: () => void = () => undefined
    const { rooms, calls } = aRoom(() => new Promise<void>((resolve) => (release = resolve)))
    const joined = rooms.join('logs:1:web', 'a')
    rooms.leave('logs:1:web', 'a')
    await tick()
    expect(calls).toEqual(['start 1:web'])
    release()
    await joined
    await tick()
    expect(calls).toEqual(['start 1:web', 'stop 1:web'])
  })

  it('keeps a room that somebody joins while it would stop', async () => {
    const { rooms, calls } = aRoom()
    await rooms.join('logs:1:web', 'a')
    rooms.leave('logs:1:web', 'a')
    await rooms.join('logs:1:web', 'b')
    await tick()
    expect(calls).toEqual(['start 1:web'])
    expect(rooms.watchers('logs:1:web')).toBe(1)
  })

  it('passes a refusal on and can be tried again', async () => {
    let refuse = true
    const { rooms, calls } = aRoom(() => {
      if (refuse) throw forbidden('No', 'nope')
    })
    await expect(rooms.join('logs:1:web', 'a')).rejects.toMatchObject({ code: 'nope' })
    refuse = false
    await rooms.join('logs:1:web', 'a')
    expect(calls).toEqual(['start 1:web', 'start 1:web'])
  })

  it.each(['logs:', 'log', 'other:1', ''])('knows no room %j', async (name) => {
    await expect(aRoom().rooms.join(name, 'a')).rejects.toMatchObject({ code: 'no_room' })
  })
})
