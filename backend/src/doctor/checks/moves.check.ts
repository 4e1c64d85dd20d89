import { domains, type TableSpec } from '../../db/domains.ts'
import type { Placement } from '../../db/placement-store.ts'
import { allUnits, checkIdentities, createCapture, type Role } from '../../moves/index.ts'
import { type Check, error, type Finding, ok, storeCheck } from '../check.ts'
import { readDecisions } from '../context.ts'

const TITLES = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const

/** Triggers, queues and roles of units that have a mirror or an archive, as the moves would make them. */
const captureCheck = (name: Placement) =>
  storeCheck(name, {
    id: `storage.capture-${name}`,
    category: 'storage',
    title: `the roles and triggers of moves in ${TITLES[name]}`,
    async run(store, { stores }) {
      const capture = createCapture(name)
      const decisions = await readDecisions(stores)
      return store.snapshot(async (session) => {
        const units = await capture.units(session)
        const findings: Finding[] = []
        for (const { unit, role, tables } of units) {
          const subject = `${TITLES[name]}: ${unit}`
          const placement = decisions.get(unit)?.placement
          if (placement !== undefined && !fits(role, placement === name)) {
            findings.push(
              error('storage.role', 'A store has another role than the placement says', {
                subject,
                seen: `It is ${role}, and the domain is in ${TITLES[placement]}`,
                fix: 'Restart the server: it brings roles and placements in line. Then verify the unit.',
                command: `holdfast storage verify ${unit} --wait`,
              }),
            )
          }
          // While a mirror is filled, its triggers do not log.
          const triggers = role === 'mirror' ? 'guarding' : 'logging'
          for (const problem of await capture.check(session, unit, tables, triggers)) {
            findings.push(
              error('storage.trigger', 'A trigger of a move is not as it must be', {
                subject,
                seen: problem,
                fix: 'Changes may not reach the mirror. Give it up and mirror the unit again, or restart the server and verify.',
                command: `holdfast storage abort ${unit} && holdfast storage mirror ${unit} --wait`,
              }),
            )
          }
        }
        if (findings.length > 0 || units.length === 0) return findings
        return [
          ok('storage.capture', 'Roles and triggers of moves are right', {
            subject: TITLES[name],
            seen: `${units.length} units`,
          }),
        ]
      })
    },
  })

const fits = (role: Role, isHere: boolean) =>
  role === 'none' || (isHere ? role === 'authority' : role === 'mirror' || role === 'retired')

/** A number that is given twice makes every insert fail. Only where the rows are, a mirror is numbered at the flip. */
const identitiesCheck = (name: Placement) =>
  storeCheck(name, {
    id: `storage.identities-${name}`,
    category: 'storage',
    title: `the numbers of new rows in ${TITLES[name]}`,
    async run(store, { stores }) {
      const decisions = await readDecisions(stores)
      const numbered = allUnits
        .flatMap((unit) => unit.domains)
        .filter((domain) => decisions.get(domain)?.placement === name)
        .flatMap((domain) =>
          Object.entries<TableSpec>(domains[domain].tables).flatMap(([table, { identity }]) =>
            identity === undefined ? [] : [{ table, identity }],
          ),
        )
      if (numbered.length === 0) return []
      const problems = await store.snapshot((session) => checkIdentities(session, numbered))
      if (problems.length === 0) {
        return [
          ok('storage.identities', 'New rows get numbers that are free', {
            subject: TITLES[name],
            seen: `${numbered.length} tables`,
          }),
        ]
      }
      return problems.map((problem) => {
        const table = problem.split(':')[0] ?? ''
        const column = numbered.find((each) => each.table === table)?.identity ?? 'id'
        return error('storage.identity', 'A table would give a number that is taken', {
          subject: `${TITLES[name]}: ${table}`,
          seen: problem,
          fix: 'Raise the number:',
          command:
            name === 'postgres'
              ? `SELECT setval(pg_get_serial_sequence('${table}', '${column}'), max(${column})) FROM ${table}`
              : `UPDATE sqlite_sequence SET seq = (SELECT max(${column}) FROM ${table}) WHERE name = '${table}'`,
        })
      })
    },
  })

export const movesChecks: readonly Check[] = [
  captureCheck('sqlite'),
  captureCheck('postgres'),
  identitiesCheck('sqlite'),
  identitiesCheck('postgres'),
]
