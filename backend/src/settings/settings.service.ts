import { EventEmitter } from 'node:events'
import type { SecretBox } from '../core/crypto/secret-box.ts'
import { invalid } from '../core/errors.ts'
import type { Json } from '../db/app-db.ts'
import type { SettingDefinition } from './settings.registry.ts'
import type { SettingRow, SettingsStore } from './settings.store.ts'

/** One setting that was changed. Values of secrets are never in it. */
export interface SettingChange {
  readonly key: string
  readonly before: Json
  readonly after: Json
}

export type SettingsService = ReturnType<typeof createSettingsService>

/**
 * Typed settings over text rows. Values are read from the store each time: another process, or a move of the
 * domain, may have changed them.
 */
export function createSettingsService(deps: {
  store: SettingsStore
  definitions: readonly SettingDefinition[]
  secretBox: SecretBox
  clock: () => Date
}) {
  const { store, secretBox } = deps
  const definitions = new Map(deps.definitions.map((definition) => [definition.key, definition]))
  if (definitions.size !== deps.definitions.length) throw new Error('Two settings have the same key')
  const events = new EventEmitter<{ change: [readonly SettingChange[]] }>()
  events.setMaxListeners(0)

  function define(key: string): SettingDefinition {
    const definition = definitions.get(key)
    if (!definition) throw new Error(`There is no setting ${key}`)
    return definition
  }

  async function read(key: string): Promise<Json> {
    const definition = define(key)
    return decode(definition, await store.get(key))
  }

  return {
    async number(key: string): Promise<number> {
      const value = await read(key)
      if (typeof value !== 'number') throw new TypeError(`Setting ${key} is not a number`)
      return value
    },

    async boolean(key: string): Promise<boolean> {
      const value = await read(key)
      if (typeof value !== 'boolean') throw new TypeError(`Setting ${key} is not a boolean`)
      return value
    },

    async text(key: string): Promise<string> {
      const value = await read(key)
      if (typeof value !== 'string') throw new TypeError(`Setting ${key} is not a text`)
      return value
    },

    json: read,

    /** The plain text of a secret; undefined when it is not set. Never goes to a client. */
    async secret(key: string): Promise<string | undefined> {
      if (define(key).type !== 'secret') throw new TypeError(`Setting ${key} is not a secret`)
      const row = await store.get(key)
      return row === undefined || row.value === '' ? undefined : secretBox.open(row.value)
    },

    /** Every known setting with its value in force, by group in the order of the registry. */
    async list() {
      const rows = new Map((await store.all()).map((row) => [row.key, row]))
      return deps.definitions.map((definition) => view(definition, rows.get(definition.key)))
    },

    /**
     * Checks all values, then writes all in one transaction; null sets back to the default.
     *
     * @returns what really changed.
     * @throws {AppError} 400 with one issue for every value that is refused.
     */
    async update(values: Readonly<Record<string, Json>>): Promise<SettingChange[]> {
      const entries = Object.entries(values)
      const issues = entries.flatMap(([key, value]) => {
        const definition = definitions.get(key)
        const problem = definition ? check(definition, value) : 'there is no such setting'
        return problem
          ? [{ in: 'body', path: `values.${key}`, code: 'invalid_setting', message: problem }]
          : []
      })
      if (issues.length > 0)
        throw invalid(issues.map((issue) => `${issue.path.slice(7)}: ${issue.message}`).join('; '), issues)
      const writes = entries.map(([key, value]) => {
        const definition = define(key)
        return {
          key,
          category: definition.group,
          value: value === null ? null : encode(definition, value, secretBox),
        }
      })
      const before = await store.write(writes, deps.clock().toISOString())
      const changes = entries.flatMap(([key, value], index) => change(define(key), before[index], value))
      if (changes.length > 0) events.emit('change', changes)
      return changes
    },

    /** Calls `listener` after settings were changed through this process. */
    onChange(listener: (changes: readonly SettingChange[]) => void): () => void {
      events.on('change', listener)
      return () => events.off('change', listener)
    },
  }
}

function change(definition: SettingDefinition, row: SettingRow | undefined, value: Json): SettingChange[] {
  if (definition.type === 'secret') {
    if (row === undefined && value === null) return []
    return [{ key: definition.key, before: row ? '***' : null, after: value === null ? null : '***' }]
  }
  const before = decode(definition, row)
  const after = value === null ? definition.default : value
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ key: definition.key, before, after }]
}

function view(definition: SettingDefinition, row: SettingRow | undefined) {
  const { key, type, group, label, help } = definition
  const bounds =
    definition.type === 'number'
      ? { min: definition.min, max: definition.max, ...(definition.unit ? { unit: definition.unit } : {}) }
      : {}
  return {
    key,
    type,
    group,
    label,
    help,
    ...bounds,
    default: definition.default,
    value: definition.type === 'secret' ? null : decode(definition, row),
    isSet: row !== undefined,
    updatedAt: row?.updated_at ?? null,
  }
}

/** A stored text that does not fit its type (edited by hand, or older) counts as not set. */
function decode(definition: SettingDefinition, row: SettingRow | undefined): Json {
  if (row === undefined || definition.type === 'secret') return definition.default
  const value = parse(definition, row.value)
  return value === undefined || check(definition, value) !== undefined ? definition.default : value
}

function parse(definition: SettingDefinition, text: string): Json | undefined {
  switch (definition.type) {
    case 'number':
      return text.trim() === '' ? undefined : Number(text)
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined
    case 'json':
      try {
        return JSON.parse(text)
      } catch {
        // Not JSON: the same as not set, see decode().
        return undefined
      }
    case 'string':
    case 'secret':
      return text
  }
}

function encode(definition: SettingDefinition, value: Json, secretBox: SecretBox): string {
  if (definition.type === 'json') return JSON.stringify(value)
  const text = String(value)
  return definition.type === 'secret' ? secretBox.seal(text) : text
}

/** What is wrong with `value`; undefined when nothing is. */
function check(definition: SettingDefinition, value: Json): string | undefined {
  if (value === null) return undefined
  switch (definition.type) {
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value)) return 'must be a number'
      if (!definition.fractions && !Number.isInteger(value)) return 'must be a whole number'
      if (value < definition.min || value > definition.max) {
        return `must be between ${definition.min} and ${definition.max}`
      }
      return undefined
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false'
    case 'string':
    case 'secret':
      if (typeof value !== 'string') return 'must be a text'
      if (value.length > definition.maxLength) return `must have at most ${definition.maxLength} characters`
      if (value.includes('\0')) return 'must not contain the null character'
      return definition.type === 'string' ? definition.check?.(value) : undefined
    case 'json':
      return definition.check(value)
  }
}
