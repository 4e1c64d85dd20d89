import { describe, expect, it } from 'vitest'
import { doctorContext } from '../../test/doctor.ts'
import { type Check, error, info, ok } from './check.ts'
import { runChecks } from './run-checks.ts'

const check = (id: string, run: Check['run'], limitMs?: number): Check => ({
  id,
  category: 'disk',
  title: `the thing ${id}`,
  run,
  ...(limitMs === undefined ? {} : { limitMs }),
})

describe('the checks', () => {
  it('do not hide each other when one fails and one hangs', async () => {
    let told: unknown
    const { findings, counts } = await runChecks(
      [
        check('fails', () => Promise.reject(new Error('no such thing'))),
        check('throws', () => {
          throw new TypeError('at once')
        }),
        check(
          'hangs',
          (_context, signal) =>
            new Promise(() => {
              signal.addEventListener('abort', () => {
                told = signal.reason
              })
            }),
          20,
        ),
        check('works', async () => [ok('works', 'It works'), info('note', 'A note')]),
      ],
      doctorContext(),
    )
    expect(findings.map(({ severity, id, seen }) => [severity, id, seen])).toEqual([
      ['warning', 'fails.unfinished', 'no such thing'],
      ['warning', 'hangs.unfinished', 'No result within 0 s'],
      ['warning', 'throws.unfinished', 'at once'],
      ['info', 'note', null],
      ['ok', 'works', null],
    ])
    expect(counts).toEqual({ error: 0, warning: 3, info: 1, ok: 1 })
    expect(told).toBeInstanceOf(Error)
  })

  it('are shown by category, the worst first', async () => {
    const schema = { ...check('late', async () => [error('late', 'b')]), category: 'schema' } as const
    const { findings } = await runChecks(
      [schema, check('early', async () => [ok('early', 'a'), error('early', 'a')])],
      doctorContext(),
    )
    expect(findings.map(({ category, severity }) => `${category} ${severity}`)).toEqual([
      'disk error',
      'disk ok',
      'schema error',
    ])
  })
})
