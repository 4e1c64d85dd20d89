import { type Config, ConfigError, loadConfig } from '../core/config/config.ts'
import type { Env } from '../core/config/environment.ts'

export type { Config, Env }

/**
 * The configuration, and what is wrong with it. Where something is, the variables to blame count as not set, so that
 * everything else can still be looked at.
 */
export function readConfiguration(env: Env): {
  readonly config: Config
  readonly problems: readonly string[]
} {
  let rest: Env = env
  let problems: readonly string[] = []
  for (;;) {
    try {
      return { config: loadConfig(rest), problems }
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      if (problems.length === 0) problems = error.problems
      const next = without(rest, error.problems.map(variableOf))
      // A problem that names no variable: the defaults are all that is left.
      rest = Object.keys(next).length < Object.keys(rest).length ? next : {}
    }
  }
}

/** Every problem begins with the variable that it is about. */
export const variableOf = (problem: string): string => /^[A-Z][A-Z0-9_]*/.exec(problem)?.[0] ?? ''

function without(env: Env, names: readonly string[]): Env {
  const bases = new Set(names.map((name) => name.replace(/_FILE$/, '')))
  // Without its address PostgreSQL cannot be a wish either.
  const noPostgres = bases.has('POSTGRES_APP_URL')
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) =>
        !bases.has(name.replace(/_FILE$/, '')) && !(noPostgres && name.startsWith('STORAGE_PLACEMENT')),
    ),
  )
}
