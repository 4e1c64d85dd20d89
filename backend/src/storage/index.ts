export { createStorageFacts } from './storage-facts.ts'
export { createTableSizesStore, type TableSize } from './table-sizes.store.ts'
