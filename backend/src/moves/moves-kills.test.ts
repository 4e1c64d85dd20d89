import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openDatabase, type TestDatabase } from '../../test/databases.ts'
import type { Answer, Order, WrittenUnit } from '../../test/moves-child.ts'
import type { MoveAction, StorageUnit } from './moves.schema.ts'

const PROGRAM = new URL('../../test/moves-child.ts', import.meta.url)

let dataDir: string
let database: TestDatabase
let child: ChildProcess | undefined
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-kills-'))
  database = await openDatabase('postgres')
})
afterEach(async () => {
  child?.kill('SIGKILL')
  await database.close()
  rmSync(dataDir, { recursive: true, force: true })
})

/** What was acknowledged, by all processes. */
const written = { audit: new Set<string>(), settings: new Set<string>(), feedback: new Set<string>() }
const failed: string[] = []
let starts = 0

function start(): ChildProcess {
  starts++
  const started = fork(PROGRAM, [dataDir, database.location, `n${starts}`], { execArgv: ['--import', 'tsx'] })
  started.on('message', (answer: Answer) => {
    if ('wrote' in answer) written[answer.unit].add(answer.wrote)
    else if ('failed' in answer) failed.push(answer.failed)
  })
  return started
}

/** Gives an order to the process that runs, or to a new one. @returns undefined when it died of it. */
async function order(given: Order): Promise<Extract<Answer, { done: unknown }> | undefined> {
  child ??= start()
  const running = child
  running.send(given)
  const died = once(running, 'exit').then(() => undefined)
  const answered = new Promise<Extract<Answer, { done: unknown }>>((resolve) => {
    running.on('message', (answer: Answer) => {
      if ('done' in answer) resolve(answer)
    })
  })
  const answer = await Promise.race([died, answered])
  running.removeAllListeners('exit')
  if (!answer) child = undefined
  return answer
}

/** Takes the step, killed at each of `moments` in turn, until it is done by the last process. */
async function through(
  unit: WrittenUnit,
  action: MoveAction,
  moments: readonly number[],
): Promise<StorageUnit> {
  for (const dieAt of moments) {
    const answer = await order({ unit, action, dieAt })
    if (answer) return answer.done
  }
  const answer = await order({ unit, action })
  if (!answer) throw new Error('It died without an order to')
  return answer.done
}

it('a server that is killed within any step loses no write that it has acknowledged', {
  timeout: 240_000,
}, async () => {
  await through('audit', 'mirror', [9])
  await through('settings', 'mirror', [40])
  await through('feedback', 'mirror', [])
  await through('audit', 'verify', [12])
  await through('audit', 'cutover', [2, 11, 20])
  await through('settings', 'cutover', [5, 14, 23])
  await through('feedback', 'cutover', [8, 17, 26])
  await through('settings', 'rollback', [12, 18])
  await through('audit', 'verify', [])
  await through('audit', 'finish', [3, 7])
  expect(failed).toEqual([])
  for (const unit of ['audit', 'settings', 'feedback'] as const) {
    const acknowledged = [...written[unit]]
    const answer = await order({ unit, action: 'read' })
    const found = new Set(answer?.found)
    expect(acknowledged.filter((each) => !found.has(each))).toEqual([])
    expect(found.size).toBeGreaterThan(10)
  }
  expect((await order({ unit: 'audit', action: 'read' }))?.done).toMatchObject({
    placement: 'postgres',
    archived: true,
  })
  const back = await through('settings', 'verify', [])
  expect(back).toMatchObject({ placement: 'sqlite', verify: { clean: true, differences: 0 } })
  const over = await through('feedback', 'verify', [])
  expect(over).toMatchObject({ placement: 'postgres', verify: { clean: true, differences: 0 } })
})
