export { checkRow, codecOf, decodeKey, encodeRow, isReject, keyOf, rejected } from './codecs.ts'
export { compareDigests, digestHex } from './digest.ts'
export type { ApplierSql, CopyResult, Progress } from './protocol.ts'
export { deleteKeys, type ReadRows, rowsByKeys, upsertRows } from './rows.ts'
export { readTableShapes } from './shapes.ts'
export {
  type CopyJob,
  createTransfer,
  type DifferencesJob,
  type DigestJob,
  type Transfer,
  type TransferOptions,
} from './transfer.ts'
export type {
  CanonicalRow,
  ColumnKind,
  ColumnShape,
  Difference,
  HeldValue,
  Key,
  Reject,
  RejectReason,
  TableDigest,
  TableShape,
} from './types.ts'
export { BUCKETS, SchemaDriftError } from './types.ts'
