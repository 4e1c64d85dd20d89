import { quoteName } from '../db/sql-text.ts'
import type { TableShape } from '../db/transfer/index.ts'
import type { CapturedTable, Triggers } from './capture.ts'

// Texts of the triggers, functions and queues of PostgreSQL.

/** Any number, the same in every version: the class of the advisory locks of units. */
export const LOCK_CLASS = 1_212_370_247
/** SQLSTATE of a write that is refused because the rows are kept in the other store. */
const STALE_WRITER = 'HF001'

/** Bits of pg_trigger.tgtype. */
export const EVENTS = { insert: 4, delete: 8, update: 16, truncate: 32 } as const
export const EACH_ROW = 1
export type Event = keyof typeof EVENTS
export const events = Object.keys(EVENTS) as Event[]

export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
export const queueOf = ({ table }: Pick<CapturedTable, 'table'>) => quoteName(`_dirty_${table}`)
export const functionOf = ({ table }: CapturedTable) => quoteName(`_capture_${table}`)
export const triggerOf = (event: Event) => `_capture_${event}`

/** How writes of the applier are told from others: text for connections that are not the store's. */
export function pgApplying(unit: string): { begin: string; end: string } {
  const begin = `
    DO $holdfast$
    BEGIN
      PERFORM pg_advisory_xact_lock_shared(${LOCK_CLASS}, hashtext(current_schema() || ${literal(`.${unit}`)}));
      IF to_regclass(quote_ident(current_schema()) || '._roles') IS NOT NULL THEN
        IF EXISTS (SELECT 1 FROM _roles WHERE unit = ${literal(unit)} AND role = 'authority') THEN
          RAISE EXCEPTION 'This store holds the truth now: nothing is applied to it'
            USING ERRCODE = '${STALE_WRITER}';
        END IF;
      END IF;
      PERFORM set_config('holdfast.applying', ${literal(unit)}, true);
    END
    $holdfast$`
  return { begin, end: `SET LOCAL holdfast.applying = ''` }
}

export function keyTypes(shape: TableShape): string[] {
  return shape.key.map((name) => shape.columns.find((column) => column.name === name)?.pgType ?? 'text')
}

/** Entries live for a moment only, so vacuum goes by number and not by share of the table. */
export function createQueue(shape: TableShape): string {
  const keys = keyTypes(shape).map((type, i) => `k${i + 1} ${type} NOT NULL`)
  return `CREATE TABLE IF NOT EXISTS ${queueOf(shape)} (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now(), ${keys.join(', ')}
  ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000)`
}

/** Rows of a statement that its trigger sees. TimescaleDB has none of deleted ones: there they fire for each row. */
export function seenBy(
  event: Event,
  triggers: Triggers,
  isHypertable: boolean,
): { readonly old: boolean; readonly new: boolean; readonly each: boolean } {
  const logs = triggers === 'logging'
  return {
    old: logs && (event === 'update' || (event === 'delete' && !isHypertable)),
    new: logs && (event === 'update' || event === 'insert'),
    each: logs && event === 'delete' && isHypertable,
  }
}

export function createTriggers(
  schema: string,
  unit: string,
  table: CapturedTable,
  kind: { readonly triggers: Triggers; readonly isHypertable: boolean },
): string {
  const firing = (event: Event) => {
    const seen = seenBy(event, kind.triggers, kind.isHypertable)
    const rows = `${seen.old ? 'OLD TABLE AS old_rows ' : ''}${seen.new ? 'NEW TABLE AS new_rows ' : ''}`
    return `${rows && `REFERENCING ${rows}`}FOR EACH ${seen.each ? 'ROW' : 'STATEMENT'}`
  }
  const on = quoteName(table.table)
  const triggers = events.map(
    (event) =>
      `DROP TRIGGER IF EXISTS ${triggerOf(event)} ON ${on};
       CREATE TRIGGER ${triggerOf(event)} AFTER ${event.toUpperCase()} ON ${on} ${firing(event)}
       EXECUTE FUNCTION ${functionOf(table)}();`,
  )
  const body = functionBody(schema, unit, table)
  return `CREATE OR REPLACE FUNCTION ${functionOf(table)}() RETURNS TRIGGER LANGUAGE plpgsql
    AS $holdfast$${body}$holdfast$;
    ${triggers.join('\n')}`
}

/** Names are qualified: whoever writes to the table may have another search_path. */
export function functionBody(schema: string, unit: string, table: CapturedTable): string {
  const own = (name: string) => `${quoteName(schema)}.${quoteName(name)}`
  const places = table.key.map((_, i) => `k${i + 1}`).join(', ')
  const keys = table.key.map(quoteName).join(', ')
  const queue = own(`_dirty_${table.table}`)
  const log = `INSERT INTO ${queue} (${places}) SELECT ${keys} FROM`
  const role = `SELECT role INTO unit_role FROM ${own('_roles')} WHERE unit = ${literal(unit)}`
  return `
DECLARE
  unit_role TEXT;
BEGIN
  IF current_setting('holdfast.applying', true) = ${literal(unit)} THEN
    RETURN NULL;
  END IF;
  PERFORM pg_advisory_xact_lock_shared(${LOCK_CLASS}, hashtext(${literal(`${schema}.${unit}`)}));
  IF current_setting('transaction_isolation') = 'read committed' THEN
    ${role};
  ELSE
    ${role} FOR SHARE;
  END IF;
  IF unit_role IN ('mirror', 'retired') THEN
    -- Migrations change the rows of both stores alike.
    IF current_setting('holdfast.migrating', true) = 'on' THEN
      RETURN NULL;
    END IF;
    RAISE EXCEPTION 'The rows of % are kept in the other store now: this writer is out of date', ${literal(unit)}
      USING ERRCODE = '${STALE_WRITER}';
  END IF;
  IF TG_LEVEL = 'ROW' THEN
    INSERT INTO ${queue} (${places}) SELECT ${table.key.map((name) => `OLD.${quoteName(name)}`).join(', ')};
  ELSIF TG_OP = 'INSERT' THEN
    ${log} new_rows;
  ELSIF TG_OP = 'DELETE' THEN
    ${log} old_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    ${log} old_rows UNION SELECT ${keys} FROM new_rows;
  ELSE
    INSERT INTO ${own('_dirty_whole')} (table_name) VALUES (${literal(table.table)});
  END IF;
  RETURN NULL;
END
`
}
