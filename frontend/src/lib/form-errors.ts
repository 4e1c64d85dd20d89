import type { FieldValues, Path, UseFormSetError } from 'react-hook-form'
import { ApiError } from './api/problem.ts'
import { texts } from './texts.ts'

/**
 * Puts what the API says about single fields beside them, and the rest under `root`.
 * `fields` are the names the form has; an issue with a path below one (`tls.ca`) belongs to it.
 */
export function showApiError<T extends FieldValues>(
  error: unknown,
  setError: UseFormSetError<T>,
  fields: readonly Path<T>[],
) {
  const issues = error instanceof ApiError ? error.issues : []
  const placed = issues.filter((issue) => {
    const field = fields.find((name) => issue.path === name || issue.path.startsWith(`${name}.`))
    if (field) setError(field, { type: 'server', message: issue.message })
    return field !== undefined
  })
  if (issues.length > 0 && placed.length === issues.length) return
  setError('root', {
    type: 'server',
    message: error instanceof Error ? error.message : texts.errors.unexplained,
  })
}
