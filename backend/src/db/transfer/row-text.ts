import { keyColumns } from './codecs.ts'
import { floatText } from './float-text.ts'
import { jsonText } from './json-text.ts'
import { Rejection } from './rejection.ts'
import { timestampText } from './timestamp-text.ts'
import type { CanonicalRow, ColumnShape, TableShape } from './types.ts'

/** A value as SQLite's driver gives it without being asked for exactness: large integers have lost digits. */
export type FastValue = null | number | string | Uint8Array

/** A row as one line of COPY, as a composite value of PostgreSQL, and its key. */
export interface RowText {
  line: string
  record: string
  key: string
}

/** Nothing that COPY or a composite value would write differently, and nothing that needs a second look. */
const special = /["\\(),\s\0\ufffd]/
const longText = 10_000
const quoted = /["\\(), \t\n\v\f\r]/
/** Texts of megabytes with an escape at every other character take replaceAll() seconds. */
function replaced(text: string, character: string, by: string): string {
  if (!text.includes(character)) return text
  return text.length < longText ? text.replaceAll(character, by) : text.split(character).join(by)
}

function copyField(text: string): string {
  const slashed = replaced(text, '\\', '\\\\')
  return replaced(replaced(replaced(slashed, '\n', '\\n'), '\r', '\\r'), '\t', '\\t')
}

function recordField(text: string): string {
  if (text !== '' && !quoted.test(text)) return text
  return `"${replaced(replaced(text, '\\', '\\\\'), '"', '""')}"`
}

const unescapes: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\r': '\r', '\\t': '\t' }

/** The fields of a line of COPY. */
export function copyFields(line: string): CanonicalRow {
  return line
    .slice(0, -1)
    .split('\t')
    .map((field) => (field === '\\N' ? null : field.replace(/\\./g, (pair) => unescapes[pair] ?? pair)))
}

/** Prints canonical rows. */
export function rowText(shape: TableShape, row: CanonicalRow): RowText {
  return {
    line: `${row.map((field) => (field === null ? '\\N' : copyField(field))).join('\t')}\n`,
    record: `(${row.map((field) => (field === null ? '' : recordField(field))).join(',')})`,
    key: keyColumns(shape)
      .map((position) => row[position] ?? '')
      .join(','),
  }
}

/**
 * Prints rows of SQLite into `target`, column by column, in one go. False where a value needs a second look: the row
 * is then read again exactly and goes through the codecs.
 */
export function fastPrinter(shape: TableShape, target: RowText): (row: readonly FastValue[]) => boolean {
  const print: Printed = { copy: '', record: '' }
  const printers = shape.columns.map((column) => fieldPrinter(column, print))
  const nullable = shape.columns.map((column) => column.nullable)
  const keys = keyColumns(shape)
  const [onlyKey = 0] = keys
  // Joined once: a text that grows by small pieces is put together anew by whoever reads it.
  const copies: string[] = shape.columns.map(() => '')
  const records: string[] = shape.columns.map(() => '')
  return (row) => {
    for (let i = 0; i < printers.length; i++) {
      const value = row[i]
      if (value === null || value === undefined) {
        if (!nullable[i]) return false
        copies[i] = '\\N'
        records[i] = ''
      } else {
        if (!printers[i]?.(value)) return false
        copies[i] = print.copy
        records[i] = print.record
      }
    }
    target.line = `${copies.join('\t')}\n`
    target.record = `(${records.join(',')})`
    target.key = keys.length === 1 ? String(row[onlyKey]) : keys.map((position) => row[position]).join(',')
    return true
  }
}

interface Printed {
  copy: string
  record: string
}

type FieldPrinter = (value: Exclude<FastValue, null>) => boolean

function fieldPrinter(column: ColumnShape, print: Printed): FieldPrinter {
  const plain = (text: string) => {
    print.copy = text
    print.record = text
    return true
  }
  switch (column.kind) {
    case 'text':
      return (value) => {
        if (typeof value !== 'string') return false
        if (value !== '' && !special.test(value)) return plain(value)
        if (value.includes('\0') || value.includes('\ufffd')) return false
        print.copy = copyField(value)
        print.record = recordField(value)
        return true
      }
    case 'integer': {
      const low = Math.max(Number(column.min ?? 0n), Number.MIN_SAFE_INTEGER)
      const high = Math.min(Number(column.max ?? 0n), Number.MAX_SAFE_INTEGER)
      return (value) =>
        typeof value === 'number' &&
        Number.isInteger(value) &&
        value >= low &&
        value <= high &&
        plain(String(value))
    }
    case 'float':
      return (value) => typeof value === 'number' && plain(floatText(value))
    case 'boolean':
      return (value) => (value === 1 || value === 0) && plain(value === 1 ? 't' : 'f')
    case 'timestamp':
      return (value) => {
        const text = typeof value === 'string' ? timestampText(value) : undefined
        if (text === undefined) return false
        print.copy = text
        print.record = `"${text}"`
        return true
      }
    case 'json':
      return (value) => {
        if (typeof value !== 'string' || value.includes('\ufffd')) return false
        const text = tried(value)
        if (text === undefined) return false
        print.copy = replaced(text, '\\', '\\\\')
        print.record = recordField(text)
        return true
      }
    case 'bytes':
      return (value) => {
        if (!(value instanceof Uint8Array)) return false
        const hex = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')
        print.copy = `\\\\x${hex}`
        print.record = `"\\\\x${hex}"`
        return true
      }
  }
}

function tried(text: string): string | undefined {
  try {
    return jsonText(text)
  } catch (error) {
    if (error instanceof Rejection) return undefined
    throw error
  }
}
