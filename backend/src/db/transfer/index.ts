export { codecOf, encodeRow, isReject, keyOf, rejected } from './codecs.ts'
export { compareDigests, digestHex } from './digest.ts'
export { reasonOfRefusal } from './refusal.ts'
export { deleteKeys, rowsByKeys, upsertRows } from './rows.ts'
export { readTableShapes } from './shapes.ts'
export { type CopyJob, createTransfer, type Transfer } from './transfer.ts'
export type {
  CanonicalRow,
  ColumnKind,
  ColumnShape,
  Difference,
  Key,
  Reject,
  TableDigest,
  TableShape,
} from './types.ts'
export { BUCKETS, SchemaDriftError } from './types.ts'
