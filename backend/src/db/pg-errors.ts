import pg from 'pg'
import { DbError, type DbErrorKind } from './db-errors.ts'

const byState: Readonly<Record<string, DbErrorKind>> = {
  '23505': 'unique',
  '23P01': 'unique',
  '23503': 'foreign-key',
  '23001': 'foreign-key',
  '23514': 'check',
  '44000': 'check',
  '23502': 'not-null',
  '40P01': 'deadlock',
  '40001': 'serialization',
  '55P03': 'busy',
  '55006': 'busy',
  '57014': 'timeout',
  '25P03': 'timeout',
  '25P04': 'timeout',
  '53100': 'disk-full',
  '25006': 'read-only',
  '3D000': 'unavailable',
  '53300': 'unavailable',
  '57P01': 'unavailable',
  '57P02': 'unavailable',
  '57P03': 'unavailable',
  '57P05': 'unavailable',
}

const byClass: Readonly<Record<string, DbErrorKind>> = {
  '08': 'unavailable',
  '22': 'invalid-value',
  '28': 'unavailable',
  XX: 'other',
}

/** pg's own words: it gives this refusal no code. */
const NO_TLS = 'The server does not support SSL connections'

const advice: Readonly<Record<string, string>> = {
  '28P01': 'Check user and password in POSTGRES_APP_URL.',
  '28000': 'The server refuses this user from this address: check POSTGRES_APP_URL and pg_hba.conf.',
  '3D000': 'Create the database or correct its name in POSTGRES_APP_URL.',
  '53300': 'The server has no connection left: lower POSTGRES_APP_MAX_CONNECTIONS or raise max_connections.',
  '53100': 'Free space on the disk of the PostgreSQL server; nothing of this write was kept.',
  ECONNREFUSED: 'Is PostgreSQL running, and are host and port in POSTGRES_APP_URL right?',
  ENOTFOUND: 'The host name in POSTGRES_APP_URL cannot be resolved.',
  EAI_AGAIN: 'The host name in POSTGRES_APP_URL cannot be resolved at present.',
  SELF_SIGNED_CERT_IN_CHAIN: 'Give the certificate authority with sslrootcert in POSTGRES_APP_URL.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Give the certificate authority with sslrootcert in POSTGRES_APP_URL.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Give the certificate authority with sslrootcert in POSTGRES_APP_URL.',
  [NO_TLS]:
    'Turn TLS on there (ssl = on, with a certificate), or, where nobody else shares the network, take sslmode out of POSTGRES_APP_URL.',
}

/** What pg threw, in the vocabulary of {@link DbError}. A DbError is returned as it is. */
export function pgError(error: unknown): DbError {
  if (error instanceof DbError) return error
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? ''
    const corrupt = code === 'XX001' || code === 'XX002'
    const kind = corrupt ? 'corrupt' : (byState[code] ?? byClass[code.slice(0, 2)] ?? 'other')
    return new DbError(kind, withAdvice(error.message, code), {
      cause: error,
      engineCode: code,
      constraint: error.constraint,
    })
  }
  // Everything that is not an answer of the server is about the way to it.
  const code = codeOf(error)
  const message =
    error instanceof AggregateError
      ? messagesOf(error)
      : error instanceof Error
        ? error.message
        : String(error)
  return new DbError('unavailable', withAdvice(message, code), {
    cause: error,
    engineCode: code || undefined,
  })
}

/** True when the connection cannot be used again. */
export function endsConnection(error: DbError): boolean {
  return error.kind === 'unavailable' || error.engineCode === '25P03' || error.engineCode === '25P04'
}

function withAdvice(message: string, code: string): string {
  const hint = advice[code || message]
  return hint ? `${message}. ${hint}` : message
}

function codeOf(error: unknown): string {
  const source = error instanceof AggregateError ? error.errors[0] : error
  return source instanceof Error && 'code' in source && typeof source.code === 'string' ? source.code : ''
}

/** A host with several addresses fails with one error for each and no message of its own. */
function messagesOf(error: AggregateError): string {
  return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ')
}
