import type { Request, Response } from 'express'
import { z } from 'zod'
import type { Principal } from '../core/http/principal.ts'
import { type AuditNote, defineRoute, queryInteger, type Route } from '../core/http/route.ts'
import {
  acknowledgeSchema,
  flipOptionsSchema,
  type MoveAction,
  moveActionSchema,
  moveLogPageSchema,
  planRequestSchema,
  planSchema,
  quarantinePageSchema,
  rehearsalSchema,
  replaySchema,
  type StorageUnit,
  shadowSchema,
  storageUnitSchema,
  storageUnitsSchema,
} from './moves.schema.ts'
import type { Actor, MovesService } from './moves.service.ts'

const tags = ['Storage']
const unitParams = z.object({ unit: z.string().max(100) })

const SUMMARIES: Readonly<Record<MoveAction, string>> = {
  mirror: 'Begin to copy a unit to the other store and keep the copy equal',
  verify: 'Begin to compare every row of a unit with its mirror',
  cutover: 'Make the mirror the truth; writes wait for a moment',
  rollback: 'Make the store that a unit came from the truth again',
  finish: 'End a move that was cut over; this cannot be rolled back',
  abort: 'End a move that was not cut over; the mirror is given up',
  pause: 'Stop copying for now; changes are remembered',
  resume: 'Go on copying',
  purge: 'Delete the rows that a finished move left in the old store',
}

/** Steps that may be told what the caller knows and accepts. */
const FLIPS: readonly MoveAction[] = ['cutover', 'rollback', 'finish']

/** What of a unit is worth keeping in the audit log, before and after a step: the digests are those of the last verify. */
function traceOf({ placement, epoch, mirror, state, verify, tables }: StorageUnit) {
  const digests = tables.flatMap(({ table, digest }) => (digest === null ? [] : [[table, digest] as const]))
  return {
    ...{ placement, epoch, mirror, state },
    ...(verify?.at && { verifiedAt: verify.at, digests: Object.fromEntries(digests) }),
  }
}

/** The moves of units between the stores, for admins. Every step leaves the epoch before and after in the audit log. */
export function movesRoutes(deps: { moves: MovesService }): Route[] {
  const { moves } = deps

  async function step(
    context: { params: { unit: string }; principal: Principal; audit(note: AuditNote): void },
    work: (actor: Actor) => Promise<StorageUnit>,
  ): Promise<StorageUnit> {
    const note = await begin(context)
    const unit = await work(actorOf(context.principal))
    context.audit({ details: { before: note, after: traceOf(unit) } })
    return unit
  }

  /** Notes how the unit is now, so that a step that fails leaves that too. */
  async function begin(context: { params: { unit: string }; audit(note: AuditNote): void }) {
    const before = traceOf(await moves.unit(context.params.unit))
    context.audit({ targetType: 'unit', targetId: context.params.unit, details: { before } })
    return before
  }

  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/storage',
        summary: 'Every unit: where it is, what is under way, and what can be done',
        tags,
        access: 'admin',
        responses: { 200: storageUnitsSchema },
      },
      async () => ({ items: await moves.units() }),
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/storage/units/{unit}',
        summary: 'One unit',
        tags,
        access: 'admin',
        params: unitParams,
        responses: { 200: storageUnitSchema },
      },
      ({ params }) => moves.unit(params.unit),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/storage/plan',
        summary: 'What moving these units would take and find',
        description:
          'Reads every row of the units and changes nothing. It ends early when the connection is closed.',
        tags,
        access: 'admin',
        body: planRequestSchema,
        responses: { 200: planSchema },
      },
      ({ body, req, res }) => moves.plan(body.units, closedSignal(req, res)),
    ),
    ...moveActionSchema.options.map((action) =>
      FLIPS.includes(action)
        ? defineRoute(
            {
              method: 'post',
              path: `/api/storage/units/{unit}/${action}`,
              summary: SUMMARIES[action],
              tags,
              access: 'admin',
              params: unitParams,
              body: flipOptionsSchema,
              responses: { 200: storageUnitSchema },
              audit: `storage.${action}`,
            },
            (context) =>
              step(context, (actor) => moves.act(context.params.unit, action, actor, context.body)),
          )
        : defineRoute(
            {
              method: 'post',
              path: `/api/storage/units/{unit}/${action}`,
              summary: SUMMARIES[action],
              tags,
              access: 'admin',
              params: unitParams,
              responses: { 200: storageUnitSchema },
              audit: `storage.${action}`,
            },
            (context) => step(context, (actor) => moves.act(context.params.unit, action, actor)),
          ),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/storage/units/{unit}/rehearse',
        summary: 'The whole copy and verify in a scratch schema, which is dropped at the end',
        description:
          'Answers when the rehearsal is done. It ends early, and cleans up, when the connection is closed.',
        tags,
        access: 'admin',
        params: unitParams,
        responses: { 200: rehearsalSchema },
        audit: 'storage.rehearse',
      },
      async (context) => {
        const before = await begin(context)
        const actor = actorOf(context.principal)
        const result = await moves.rehearse(
          context.params.unit,
          actor,
          closedSignal(context.req, context.res),
        )
        const { seconds, rows, quarantined, differences } = result
        context.audit({ details: { before, seconds, rows, quarantined, differences } })
        return result
      },
    ),
    defineRoute(
      {
        method: 'put',
        path: '/api/storage/units/{unit}/shadow',
        summary: 'Let a share of the reads of a unit run on its mirror too, and compare the answers',
        description:
          'After the caller was answered, so that nobody waits for it. Reads within transactions, streams and statements ' +
          'that ask for the time are left out. A mismatch is listed with the unit, without values.',
        tags,
        access: 'admin',
        params: unitParams,
        body: shadowSchema,
        responses: { 200: storageUnitSchema },
        audit: 'storage.shadow',
      },
      (context) => step(context, (actor) => moves.shadow(context.params.unit, context.body.share, actor)),
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/storage/log',
        summary: 'Who did what, newest first',
        tags,
        access: 'admin',
        query: z.object({
          unit: z.string().max(100).optional(),
          limit: queryInteger(1, 500).default(50),
          before: queryInteger(1).optional().meta({ description: 'Id of the last entry of the page before' }),
        }),
        responses: { 200: moveLogPageSchema },
      },
      async ({ query }) => ({ items: await moves.log(query) }),
    ),
    defineRoute(
      {
        method: 'get',
        path: '/api/storage/quarantine',
        summary: 'Rows that the other store cannot hold, with the reason and what would mend them',
        tags,
        access: 'admin',
        query: z.object({
          unit: z.string().max(100).optional(),
          limit: queryInteger(1, 500).default(100),
          after: queryInteger(0).optional().meta({ description: 'Id of the last row of the page before' }),
        }),
        responses: { 200: quarantinePageSchema },
      },
      async ({ query }) => ({ items: await moves.quarantine(query) }),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/storage/units/{unit}/quarantine/acknowledge',
        summary: 'Accept that the open rows in quarantine stay behind',
        tags,
        access: 'admin',
        params: unitParams,
        body: acknowledgeSchema,
        responses: { 200: storageUnitSchema },
        audit: 'storage.quarantine.acknowledge',
      },
      (context) => step(context, (actor) => moves.acknowledge(context.params.unit, context.body.rows, actor)),
    ),
    defineRoute(
      {
        method: 'post',
        path: '/api/storage/units/{unit}/quarantine/replay',
        summary: 'Try the rows in quarantine again that were corrected since',
        tags,
        access: 'admin',
        params: unitParams,
        responses: { 200: replaySchema },
        audit: 'storage.quarantine.replay',
      },
      async (context) => {
        const before = await begin(context)
        const result = await moves.replay(context.params.unit, actorOf(context.principal))
        context.audit({ details: { before, ...result } })
        return result
      },
    ),
  ]
}

const actorOf = (principal: Principal): Actor => ({ name: principal.username })

/** Aborts when the client has gone before it was answered. */
function closedSignal(req: Request, res: Response): AbortSignal {
  const gone = new AbortController()
  res.once('close', () => {
    if (!res.writableEnded) gone.abort(new Error(`${req.method} ${req.path}: the client has gone`))
  })
  return gone.signal
}
